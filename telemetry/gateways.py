"""Whether the machines of a gateway are read as they should be: kept by its poll worker, looked at by all others."""

import os
import socket
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.db.models import Count, Max, Min
from django.utils import timezone

from equipment.models import Equipment, Gateway, IoTConnectionStatus
from equipment.selectors import bakeries_for
from telemetry.load import LoadFigures
from telemetry.load_models import GatewayLoad

STALLED_SECONDS = 180.0
MISSED_READS_OF_A_STALL = 3
# A row that is older says nothing of now.
FRESH_SECONDS = 60.0


class TroubleKind(StrEnum):
    STALLED = "stalled"
    OVERLOADED = "overloaded"


class GatewayTrouble(NamedTuple):
    """What is wrong with a gateway. `value`: seconds without a reading, or the percentage of reads that are missed."""

    gateway_id: int
    kind: TroubleKind
    value: float


def record_gateway_load(gateway: str, figures: LoadFigures, *, machines: int, waiting_readings: int) -> None:
    """Of the process that calls it, which polls this gateway."""
    values: dict[str, Any] = {
        "measured_at": timezone.now(),
        "poll_worker": f"{socket.gethostname()}, process {os.getpid()}",
        "machines": machines,
        "waiting_readings": waiting_readings,
        "readings_per_second": figures.readings_per_second,
        "lateness_p99_seconds": figures.lateness_p99_seconds,
        "missed_percentage": figures.missed_percentage,
        "busy_percentage": figures.busy_percentage,
    }
    if not GatewayLoad.objects.filter(gateway__slug=gateway).update(**values):
        for row in Gateway.objects.filter(slug=gateway):
            GatewayLoad.objects.update_or_create(gateway=row, defaults=values)


def list_gateway_troubles(now: datetime | None = None) -> list[GatewayTrouble]:
    """Gateways that read nothing although machines are due, and those that cannot read all they should.

    From rows alone, so that any process can tell, and above all when the poll worker is dead.
    """
    now = now or timezone.now()
    stalled = _find_stalled(now)
    fresh = GatewayLoad.objects.filter(measured_at__gt=now - timedelta(seconds=FRESH_SECONDS))
    return [
        *(GatewayTrouble(pk, TroubleKind.STALLED, seconds) for pk, seconds in stalled.items()),
        *(
            GatewayTrouble(load.gateway_id, TroubleKind.OVERLOADED, load.missed_percentage or load.busy_percentage)
            for load in fresh
            if load.is_overloaded and load.gateway_id not in stalled
        ),
    ]


def _find_stalled(now: datetime) -> dict[int, float]:
    """Gateway -> seconds without a reading from machines that answered last time, or without its poll worker."""
    due = Equipment.objects.filter(
        iot_enabled=True,
        supports_realtime=True,
        archived_at=None,
        iot_connection_status=IoTConnectionStatus.CONNECTED,
    )
    rows = (
        due.order_by()
        .values_list("bakery__gateway")
        .annotate(
            Min("poll_interval_seconds"), Max("latest_reading__received_at"), Max("bakery__gateway__load__measured_at")
        )
    )
    stalled = {}
    for gateway_id, interval, read_at, measured_at in rows:
        silent = (now - read_at).total_seconds() if read_at else 0.0
        alone = (now - measured_at).total_seconds() if measured_at else 0.0
        if silent > max(STALLED_SECONDS, MISSED_READS_OF_A_STALL * interval) or alone > STALLED_SECONDS:
            stalled[gateway_id] = max(silent, alone)
    return stalled


def list_gateways_with_machines(user: Any) -> list[tuple[Gateway, int]]:
    """The gateways of the user's bakeries, with their load, and how many of the user's machines each reads."""
    own = bakeries_for(user)
    machines = Equipment.objects.filter(bakery__in=own, iot_enabled=True, archived_at=None).order_by()
    counts = dict(machines.values_list("bakery__gateway").annotate(Count("pk")))
    gateways = Gateway.objects.filter(pk__in=own.values("gateway")).select_related("load").order_by("name")
    return [(gateway, counts.get(gateway.pk, 0)) for gateway in gateways]


def describe_state(gateway: Gateway, troubles: Iterable[GatewayTrouble]) -> str:
    """`well`, `stalled`, `overloaded`, or `unknown` where no poll worker has said anything yet."""
    for trouble in troubles:
        if trouble.gateway_id == gateway.pk:
            return str(trouble.kind)
    return "well" if hasattr(gateway, "load") else "unknown"
