"""Receives every callback of a shop, keeps it on disk before it answers, and moves wallets exactly once."""

__version__ = "0.1.0"
