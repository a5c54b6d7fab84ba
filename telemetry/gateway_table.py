"""What the database says of a gateway, and what it is told. All of it blocks: it runs on the database thread."""

from typing import Any, Protocol

from django.db import connection
from django.db.models import BigIntegerField, Count, Func, Sum

from connectors import Identity
from equipment.identity import get_identity
from equipment.models import Equipment
from equipment.selectors import list_equipment_to_poll
from telemetry.gateways import record_gateway_load
from telemetry.line import LineSettings
from telemetry.load import LoadFigures


class Lock(Protocol):
    def acquire(self) -> bool: ...
    def release(self) -> None: ...


# Of all machines at once: listing a thousand of them each second would cost more than many a read.
_SIGN = {
    "machines": Count("pk"),
    "versions": Sum(Func("pk", "config_version", function="hashint8extended", output_field=BigIntegerField())),
}


class GatewayTable:
    """One gateway's rows. `identity` is who we are to its machines: it lies in the database too."""

    def __init__(self, gateway: str, lock: Lock) -> None:
        self.gateway, self.lock = gateway, lock
        self.identity: Identity | None = None
        self._sign: dict[str, Any] = {}

    def look(self, known: dict[int, LineSettings]) -> tuple[bool, dict[int, LineSettings]]:
        """Whether the gateway is ours, and what its machines are: as known, where they did not change."""
        if not self.lock.acquire():
            return False, {}
        if self.identity is None:
            self.identity = get_identity().at_gateway(self.gateway)
        found = list_equipment_to_poll(self.gateway)
        sign = found.aggregate(**_SIGN)  # before the list: what changes in between is seen next time
        if sign == self._sign and len(known) == sign["machines"]:
            return True, known
        versions = dict(found.values_list("pk", "config_version"))
        wanted = {pk: known[pk] for pk, version in versions.items() if pk in known and known[pk].version == version}
        for machine in Equipment.objects.filter(pk__in=versions.keys() - wanted.keys()):
            wanted[machine.pk] = LineSettings.of(machine)
        self._sign = sign
        return True, wanted

    def report(self, figures: LoadFigures, *, machines: int, waiting_readings: int) -> None:
        record_gateway_load(self.gateway, figures, machines=machines, waiting_readings=waiting_readings)

    def leave(self) -> None:
        self.lock.release()
        self.hang_up()

    def hang_up(self) -> None:
        connection.close()  # looked up here, because each thread has its own
