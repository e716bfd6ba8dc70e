"""The base classes of every handler."""
