"""The three demo bakeries and their twelve simulated ovens as rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.db import transaction

from connectors.simulators.fleet import BAKERIES, FLEET, OvenSpec
from connectors.simulators.installation import Installation
from connectors.simulators.simulated import SimulatedOven
from connectors.simulators.site import UNTOLD, SimulatedSite
from equipment.inventory import save_equipment
from equipment.models import Bakery, Equipment, EquipmentType, Gateway
from equipment.services import configure_equipment_iot

GATEWAY = "central"
FIRMWARE = "simulated"


@dataclass(frozen=True)
class DemoMachine:
    oven: SimulatedOven
    equipment: Equipment


def serial_number(key: str) -> str:
    """By it a demo oven is found again, whatever it has been renamed to."""
    return f"SIM-{key.upper()}"


def create_bakeries() -> dict[str, Bakery]:
    """By slug. Bakeries that exist stay as they are."""
    gateway, _ = Gateway.objects.get_or_create(slug=GATEWAY, defaults={"name": "Central"})
    found = {}
    for spec in BAKERIES:
        defaults = {"name": spec.name, "time_zone": ZoneInfo(spec.time_zone), "gateway": gateway}
        found[spec.slug], _ = Bakery.objects.get_or_create(slug=spec.slug, defaults=defaults)
    return found


def create_machines(
    bakeries: Mapping[str, Bakery], installation: Installation, site: SimulatedSite
) -> list[DemoMachine]:
    """The ovens that nobody has archived. Those that exist keep what people have changed, except how to reach them."""
    existing = {machine.serial_number: machine for machine in _list_machines(bakeries)}
    machines = []
    for number, spec in enumerate(FLEET):
        oven = _oven(spec, installation.epoch)
        settings = site.settings(spec.key)
        equipment = existing.get(serial_number(spec.key))
        with transaction.atomic():
            if equipment is None:
                equipment = save_equipment(_make_row(oven, bakeries[spec.bakery.slug], 2 + number % 4))
            if equipment.archived_at is None and equipment.connector_config != settings:
                configure_equipment_iot(equipment, {"protocol": spec.protocol, **settings})
        if equipment.archived_at is None:
            machines.append(DemoMachine(oven, equipment))
    return machines


def find_machines(installation: Installation) -> list[DemoMachine]:
    """The ovens that are there, as `create_machines` made them."""
    specs = {serial_number(spec.key): spec for spec in FLEET}
    rows = Equipment.objects.filter(serial_number__in=specs, archived_at=None)
    return [DemoMachine(_oven(specs[row.serial_number], installation.epoch), row) for row in rows]


@lru_cache(maxsize=64)
def _oven(spec: OvenSpec, epoch: datetime) -> SimulatedOven:
    return SimulatedOven(spec, epoch)


def _list_machines(bakeries: Mapping[str, Bakery]) -> list[Equipment]:
    serial_numbers = [serial_number(spec.key) for spec in FLEET]
    return list(Equipment.objects.filter(bakery__in=bakeries.values(), serial_number__in=serial_numbers))


def _make_row(oven: SimulatedOven, bakery: Bakery, poll_interval_seconds: int) -> Equipment:
    spec = oven.spec
    untold = UNTOLD.get(spec.protocol, frozenset())
    return Equipment(
        bakery=bakery,
        name=spec.name,
        type=EquipmentType.OVEN,
        place=spec.place,
        manufacturer=spec.manufacturer,
        model=spec.model,
        serial_number=serial_number(spec.key),
        firmware_version=FIRMWARE,
        poll_interval_seconds=poll_interval_seconds,
        temperature_zones=len(spec.body.zones) + spec.body.has_probe,
        supports_humidity="humidity" not in untold,
        supports_energy_monitoring="energy_consumption_kwh" not in untold,
    )
