"""Stored credentials only ever go to the hosts they were entered for.

Otherwise whoever may set an address could have them sent to a server of their own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from equipment.models import Equipment


def may_reuse_credentials(equipment: Equipment, settings: Mapping[str, Any]) -> bool:
    """May the stored credentials go where these settings (`protocol`, `endpoint`, `additional_config`) lead?"""
    if settings.get("protocol") != equipment.iot_protocol:
        return False
    try:
        asked = set(_list_hosts(settings.get("endpoint"), settings.get("additional_config")))
        return asked <= set(_list_hosts(equipment.iot_endpoint, equipment.iot_config))
    except (httpx.InvalidURL, ValueError):  # idna raises its own where a name breaks the rules of names
        return False


def _list_hosts(endpoint: Any, options: Any) -> Iterator[tuple[str, str]]:
    """Of the endpoint and of every address among the options: some clouds sign in at another host."""
    yield _host(str(endpoint or ""))
    waiting: list[Any] = [options]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and "://" in value:
            yield _host(value)


def _host(address: str) -> tuple[str, str]:
    # Split by the library that dials: two readings of one odd address would be a way around this.
    url = httpx.URL(address.strip())
    return (url.scheme, url.host) if url.host else ("", address.strip())
