"""Where this installation may dial: the one reading of its settings."""

from django.conf import settings

from connectors import AddressPolicy


def address_policy() -> AddressPolicy:
    return AddressPolicy(allow_loopback=settings.ALLOW_LOOPBACK_MACHINES, allow_private=settings.ALLOW_PRIVATE_MACHINES)
