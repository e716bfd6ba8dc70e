"""Moves callbacks from the socket to the disk and from the disk to their effects; knows neither senders nor money."""
