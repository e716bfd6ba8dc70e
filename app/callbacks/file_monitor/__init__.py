"""File events."""
