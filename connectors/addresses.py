"""Which addresses our server may dial. Whoever sets an endpoint makes us connect to it from inside the network.

The rule is applied to the address a socket is about to connect to, so that no name and no spelling slips past it.
"""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)
_SHARED = ip_network("100.64.0.0/10")  # carriers' and some VPNs' private range; ipaddress does not call it private
_THIS_NETWORK = ip_network("0.0.0.0/8")  # Linux connects 0.0.0.0 to itself
_NAT64 = ip_network("64:ff9b::/96")


class AddressRefusedError(OSError):
    """The policy forbids this address. An OSError, so that the next address of the same name is tried."""


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one: mapped, 6to4 and NAT64 all lead to it."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Link-local, metadata and senseless addresses are refused whatever is set here."""

    allow_loopback: bool = False
    allow_private: bool = True

    def find_refusal(self, host: str) -> str | None:
        """Why this IP address may not be dialled, or None. Not for names: they are resolved first."""
        address = _unwrapped(ip_address(host.partition("%")[0]))
        if address in _METADATA or address.is_link_local:
            return "addresses of this kind never belong to a machine (link-local or cloud metadata)"
        if address.is_loopback:
            return None if self.allow_loopback else "it is our own server; machines on this server are not allowed here"
        if address.is_unspecified or address.is_multicast or address.is_reserved or address in _THIS_NETWORK:
            return "it is not the address of a single machine"
        if (address.is_private or address in _SHARED) and not self.allow_private:
            return "it lies in a private network; private addresses are not allowed here"
        return None

    def open_socket(self, addr_info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """A socket for an address from getaddrinfo, or AddressRefusedError. Use it as a socket factory."""
        family, kind, protocol, _, where = addr_info
        if reason := self.find_refusal(str(where[0])):
            raise AddressRefusedError(reason)
        return socket.socket(family, kind, protocol)


DEFAULT_POLICY = AddressPolicy()
