"""Notification webhooks."""
