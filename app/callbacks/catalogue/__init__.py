"""Handlers of providers that the catalogue knows: their files say it all, no code of theirs stands here."""
