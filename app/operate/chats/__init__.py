"""Customers in chats: what they ask, where they are reached, and what they are told."""
