"""Providers of the catalogue, for whoever runs the shop: look them up, add one, see which is set up."""
