"""The installation's identity: made when it is first needed, and the same ever after.

A new one would have to be trusted anew at every OPC UA server, and brokers would keep messages for the old one.
"""

from connectors import Identity, make_identity
from equipment.models import InstallationIdentity

_ONLY = 1


def get_identity() -> Identity:
    """Who we are to machines and brokers; say where with `at_gateway`. Its `private_key_pem` is secret."""
    row = InstallationIdentity.objects.filter(pk=_ONLY).first() or _make()
    return Identity(row.name, row.certificate_pem, row.private_key)


def _make() -> InstallationIdentity:
    made = make_identity()
    row = InstallationIdentity(
        pk=_ONLY, name=made.name, certificate_pem=made.certificate_pem, private_key=made.private_key_pem
    )
    # Two processes may start at once: whoever comes second leaves the row alone, and takes what the first one wrote.
    InstallationIdentity.objects.bulk_create([row], ignore_conflicts=True)
    return InstallationIdentity.objects.get(pk=_ONLY)
