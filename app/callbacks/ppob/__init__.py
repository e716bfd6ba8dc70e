"""PPOB providers."""
