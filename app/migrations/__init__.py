"""The state database's schema, a revision a file."""
