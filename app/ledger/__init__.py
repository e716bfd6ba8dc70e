"""Knows orders and money; no sender."""
