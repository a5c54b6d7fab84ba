"""Many viewers of the same ovens on one web process."""

import contextlib
from datetime import datetime

import psutil

from bench.audience import Person, viewer_of
from bench.collecting import BUSY_PERCENT, STORED_PERCENT, reading
from bench.figures import Figure
from bench.fleets import start_fleet
from bench.house import House
from bench.options import Options
from bench.processes import busy_seconds
from telemetry.models import SensorReading

OVENS = 200


def measure(options: Options, house: House) -> list[Figure]:
    with contextlib.ExitStack() as stack:
        fleet = start_fleet("modbus", house.servers.environment, min(OVENS, options.ovens))
        stack.callback(fleet.child.end)
        stack.enter_context(reading([fleet], house))
        viewer = viewer_of("sockets", Person.who_sees([fleet]), house, options.seconds, viewers=options.viewers)
        stack.callback(viewer.child.end)
        window = viewer.said()
        psutil.cpu_percent()
        web, looking = house.children["web"].pid, viewer.child.pid
        before = busy_seconds([web]), busy_seconds([looking])
        sent = viewer.said()
        busy, their_busy = busy_seconds([web]) - before[0], busy_seconds([looking]) - before[1]
        machine = psutil.cpu_percent()
        seen = viewer.said()
        begin, end = (datetime.fromtimestamp(window[name]).astimezone() for name in ("begin", "end"))
        rows = SensorReading.objects.filter(equipment_id__in=[row.pk for row in fleet.rows])
        stored = rows.filter(received_at__gte=begin, received_at__lt=end).count()
    part = f"push, {options.viewers} viewers of {fleet.ovens} ovens"
    share = 100 * seen["delivered"] / max(stored * options.viewers, 1)
    return [
        Figure(part=part, name="delivered", value=share, unit="%", target=STORED_PERCENT, at_least=True),
        Figure(part=part, name="viewers that were hung up on", value=seen["gone"], target=0),
        Figure(part=part, name="messages a second", value=sent["messages"] / options.seconds),
        Figure(part=part, name="web's time per viewer message", value=1e6 * busy / max(sent["messages"], 1), unit="µs"),
        Figure(part=part, name="web busy, of one core", value=100 * busy / options.seconds, unit="%"),
        Figure(part=part, name="read to seen p50", value=seen["lateness"]["p50"], unit="ms"),
        Figure(part=part, name="read to seen p99", value=seen["lateness"]["p99"], unit="ms"),
        Figure(part=part, name="viewers busy, of one core", value=100 * their_busy / options.seconds, unit="%"),
        Figure(part=part, name="machine busy", value=machine, unit="%", target=BUSY_PERCENT),
    ]
