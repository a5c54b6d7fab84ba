"""Host names and IP addresses as people type them, for the protocols that have no URL."""

import re
from ipaddress import ip_address

_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?")
_DIGITS_AND_DOTS = re.compile(r"[0-9.]+")


def check_host(text: str) -> str:
    """The name or address to dial, without the brackets of an IPv6 address. ValueError with a sentence."""
    host = text.strip()
    if "://" in host or "/" in host or "@" in host:
        raise ValueError("Enter only the machine's name or IP address here, for example 192.168.1.50.")
    bare = host.removeprefix("[").removesuffix("]")
    try:
        ip_address(bare.partition("%")[0])
        return bare
    except ValueError:
        pass
    if _DIGITS_AND_DOTS.fullmatch(host):
        raise ValueError("Write an IP address as four numbers, for example 192.168.1.50.")
    if re.fullmatch(r".+:\d+", host):
        raise ValueError("Enter only the name or IP address here; what follows the colon belongs to the port.")
    if not _HOST.fullmatch(host):
        raise ValueError("This is not a name or IP address. Write it like 192.168.1.50.")
    return host


def show_place(host: str, port: int) -> str:
    """For sentences."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
