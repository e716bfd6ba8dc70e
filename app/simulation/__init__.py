"""Signed traffic of senders with a model of its own: what is sent, what must come of it, and whether it did."""
