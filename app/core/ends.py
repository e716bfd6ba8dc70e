"""The ends of what the databases keep in 64 bits; a row's number and a time have one each, for they mean two things."""

#: The greatest number that a row can have.
ID_MAX = 2**63 - 1
#: Microseconds; no time is later.
LATEST = 2**63 - 1
