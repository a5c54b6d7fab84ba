"""A fleet of cheap ovens, and the rows by which our own system knows them."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from bench.fleet.mqtt import topic_of
from bench.fleet.opc_ua import NAMESPACE, OVENS_PER_SERVER, node_of
from bench.processes import PYTHON, Child
from bench.values import VALUES
from connectors import parse_config
from equipment.models import Bakery, Equipment, Gateway

GATEWAY = "central"
MACHINES_PER_BAKERY = 200
INTERVAL_SECONDS = 1
PROTOCOLS = {"modbus": "modbus", "http": "rest_api", "mqtt": "mqtt", "opc_ua": "opc_ua"}


@dataclass(frozen=True)
class Fleet:
    """`ovens` answer; behind them come those that hang, then the dead. `rows` are in this order."""

    protocol: str
    child: Child
    ports: list[int]
    ovens: int
    rows: list[Equipment] = field(default_factory=list)

    @property
    def pushes(self) -> bool:
        return self.protocol == "mqtt"

    @property
    def healthy(self) -> list[Equipment]:
        return self.rows[: self.ovens]

    def enable(self) -> None:
        """From now on our system reads them."""
        Equipment.objects.filter(pk__in=[row.pk for row in self.rows]).update(iot_enabled=True)

    def archive(self) -> None:
        """Our system reads them no more, and no page shows them."""
        machines = Equipment.objects.filter(pk__in=[row.pk for row in self.rows])
        machines.update(iot_enabled=False, archived_at=timezone.now())


def start_fleet(protocol: str, environment: Mapping[str, str], ovens: int, hanging: int = 0, dead: int = 0) -> Fleet:
    counts = ["--ovens", str(ovens), "--hanging", str(hanging), "--dead", str(dead)]
    child = Child(f"fleet-{protocol}", [PYTHON, "-m", "bench.fleet", protocol, *counts], environment, None)
    try:
        fleet = Fleet(protocol, child, json.loads(child.say_line()), ovens)
        fleet.rows.extend(_make_rows(fleet, ovens + hanging + dead))
    except BaseException:
        child.end()
        raise
    return fleet


def _make_rows(fleet: Fleet, count: int) -> list[Equipment]:
    bakeries = make_bakeries(fleet.protocol, math.ceil(count / MACHINES_PER_BAKERY))
    protocol = PROTOCOLS[fleet.protocol]
    settings = [_SETTINGS[fleet.protocol](fleet, number) for number in range(count)]
    parse_config(protocol, settings[0])
    return Equipment.objects.bulk_create(
        Equipment(
            bakery=bakeries[number // MACHINES_PER_BAKERY],
            name=f"{fleet.protocol} {number}",
            iot_protocol=protocol,
            iot_endpoint=found["endpoint"],
            iot_port=found["port"],
            iot_config=found["additional_config"],
            poll_interval_seconds=INTERVAL_SECONDS,
        )
        for number, found in enumerate(settings)
    )


def make_bakeries(name: str, count: int) -> Sequence[Bakery]:
    gateway, _ = Gateway.objects.get_or_create(slug=GATEWAY, defaults={"name": "Central"})
    begin = Bakery.objects.count()
    names: Iterable[str] = (f"{name} {begin + number}" for number in range(count))
    return Bakery.objects.bulk_create(
        Bakery(name=name, slug=name.replace(" ", "-").replace("_", "-"), gateway=gateway) for name in names
    )


def _modbus(fleet: Fleet, number: int) -> dict[str, Any]:
    points = [
        {
            "field": value.field,
            "table": "input",
            "address": address,
            "type": "uint16",
            **({"enum": value.words} if value.words else {"scale": value.scale}),
        }
        for address, value in enumerate(VALUES)
    ]
    return {"endpoint": "127.0.0.1", "port": fleet.ports[number], "additional_config": {"points": points}}


def _http(fleet: Fleet, number: int) -> dict[str, Any]:
    return {
        "endpoint": "http://127.0.0.1",
        "port": fleet.ports[number],
        "additional_config": {"data_endpoint": "/data"},
    }


def _mqtt(fleet: Fleet, number: int) -> dict[str, Any]:
    options = {"topic": topic_of(number), "interval": INTERVAL_SECONDS}
    return {"endpoint": "mqtt://127.0.0.1", "port": fleet.ports[0], "additional_config": options}


def _opc_ua(fleet: Fleet, number: int) -> dict[str, Any]:
    nodes = [
        {
            "node": f"ns=bench;s={node_of(number % OVENS_PER_SERVER, value.field)}",
            "field": value.field,
            **({"enum": value.words} if value.words else {"scale": value.scale}),
        }
        for value in VALUES
    ]
    options = {
        "security_mode": "none",
        "profile": "none",
        "namespaces": {"bench": NAMESPACE},
        "nodes": nodes,
        "timestamp": "received",
    }
    port = fleet.ports[_opc_ua_server(fleet, number)]
    return {"endpoint": "opc.tcp://127.0.0.1", "port": port, "additional_config": options}


def _opc_ua_server(fleet: Fleet, number: int) -> int:
    """Those that do not answer have a server each."""
    shared = math.ceil(fleet.ovens / OVENS_PER_SERVER)
    return number // OVENS_PER_SERVER if number < fleet.ovens else shared + number - fleet.ovens


_SETTINGS = {"modbus": _modbus, "http": _http, "mqtt": _mqtt, "opc_ua": _opc_ua}
