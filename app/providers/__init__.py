"""Knows protocols of senders; neither the engine nor money."""
