"""Telegram: what its users tell our bot."""
