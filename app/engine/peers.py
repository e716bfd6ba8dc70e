"""Who is at the other end: the socket's address, or what trusted proxies say about it."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from app.core.errors import StartRefused

_FORWARDING = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"x-forwarded-host")

_HOPS_MAX = 32


class Proxies:
    """The addresses whose X-Forwarded-For counts (`CALLBACK_TRUSTED_PROXIES`)."""

    def __init__(self, text: str = "") -> None:
        """`text`: addresses or networks separated by commas. Raises StartRefused for anything else."""
        try:
            self._networks = tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
        except ValueError as error:
            raise StartRefused(f"CALLBACK_TRUSTED_PROXIES: {error}") from None

    @property
    def some(self) -> bool:
        """Whether any address is trusted."""
        return bool(self._networks)

    def trusts(self, address: str) -> bool:
        """Whether this address may speak for another."""
        if not self._networks:
            return False
        parsed = _parse(address)
        return parsed is not None and any(
            parsed in network for network in self._networks if network.version == parsed.version
        )

    def remote_addr(self, peer: str, forwarded: Sequence[bytes]) -> str:
        """The sender's address: `peer` is the socket's, `forwarded` the values of X-Forwarded-For in their order.

        Read from the right: what a proxy of ours added is believed, what stands left of the first foreign address was
        written by the sender.
        """
        if not forwarded or not self.trusts(peer):
            return peer
        nearest = peer
        for hop in reversed(b",".join(forwarded).split(b",")[-_HOPS_MAX:]):
            parsed = _parse(_without_port(hop.decode("latin-1").strip()))
            if parsed is None:
                return nearest
            nearest = str(parsed)
            if not self.trusts(nearest):
                return nearest
        return nearest


def network_of(address: str) -> str:
    """What one sender is likely to own: the address itself, of IPv6 its /64."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, 64), strict=False))
    return address


def is_loopback(address: str) -> bool:
    """Whether this is an address of the machine itself."""
    parsed = _parse(address)
    return parsed is not None and parsed.is_loopback


def is_foreign(address: str) -> bool:
    """Whether this is another machine's address; what is none (a call without a socket) is no other machine's."""
    parsed = _parse(address)
    return parsed is not None and not parsed.is_loopback


def is_local(peer: str, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a request comes from this machine's own user.

    A loopback socket, no proxy or tunnel before it, and addressed to a loopback name: a web page that rebinds its own
    name to 127.0.0.1 names itself in Host and Origin.
    """
    if not is_loopback(peer):
        return False
    for name, value in headers:
        if name in _FORWARDING or (name == b"host" and not _names_loopback(value)):
            return False
        if name == b"origin" and not _names_loopback(value.rpartition(b"/")[2]):
            return False
    return True


def _names_loopback(host: bytes) -> bool:
    name = _without_port(host.decode("latin-1").strip().lower())
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed in _MAPPED:
        return parsed.ipv4_mapped
    return parsed


_MAPPED = IPv6Network("::ffff:0:0/96")


def _without_port(text: str) -> str:
    """`1.2.3.4:80` → `1.2.3.4`, `[::1]:80` → `::1`; a bare IPv6 address stays."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
