"""Whoever guesses the token is slowed: an address may be wrong so often at once, then once every few seconds.

Pure: the time is an argument. Only addresses that were wrong are remembered, and not more than so many.
"""

from collections import OrderedDict

from app.engine.peers import network_of

_SECOND = 1_000_000


class Guesses:
    """Wrong tokens by address; in a burst first, then at a steady rate (the generic cell rate algorithm)."""

    def __init__(self, *, burst: int = 20, each_seconds: float = 3.0, addresses_max: int = 4_096) -> None:
        """`burst` wrong ones at once, then one every `each_seconds`."""
        self._each = int(each_seconds * _SECOND)
        self._ahead = self._each * (burst - 1)
        self._addresses_max = addresses_max
        self._paid_until: OrderedDict[str, int] = OrderedDict()

    def wait_seconds(self, address: str, at: int) -> int:
        """How long this address is not heard, whatever it brings; 0: it may try."""
        ahead = self._paid_until.get(network_of(address), 0) - at
        return -(-(ahead - self._ahead) // _SECOND) if ahead > self._ahead else 0

    def wrong(self, address: str, at: int) -> None:
        """Count a wrong token."""
        key = network_of(address)
        self._paid_until[key] = max(self._paid_until.get(key, 0), at) + self._each
        self._paid_until.move_to_end(key)
        if len(self._paid_until) > self._addresses_max:
            self._paid_until.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them."""
        self._paid_until.clear()


#: One a process: every door that asks for the token counts together.
GUESSES = Guesses()
