"""Machines that speak Modbus: over TCP, UDP, a serial line, or a gateway to one.

Options and what to ask the technician: docs/connectors/modbus.md. The line is shared, see `modbus_line.py`.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from .base import BaseIoTConnector
from .errors import ConnectorError
from .modbus_blocks import Block, BlockMemory
from .modbus_errors import BUSY, NOT_THERE, UNIT_OFFLINE, RefusalError, describe_refusal
from .modbus_line import ModbusLine, Pace
from .modbus_map import Image, RegisterMap
from .modbus_settings import ModbusConfig, ModbusOptions
from .modbus_table import describe_neighbour, list_neighbours, list_point_rows, list_remarks
from .modbus_wire import Request, Route
from .reading import Capabilities, ConnectionTest, Reading

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_SHARE_FOR_BUSY = 0.8  # of the time limit; after that the machine's own words are better than "no answer in time"


# Machines of one model have the same map: a thousand of their own would not fit into the processor's cache.
_maps: "WeakValueDictionary[str, RegisterMap]" = WeakValueDictionary()


def _share_map(options: ModbusOptions) -> RegisterMap:
    key = options.model_dump_json(exclude={"unit_id"})
    return _maps.get(key) or _maps.setdefault(key, RegisterMap(options.make_points()))


class ModbusConnector(BaseIoTConnector[ModbusConfig]):
    """One machine, by its unit id."""

    config_class = ModbusConfig
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "192.168.1.50",
        "port": 502,
        "credentials": {},
        "additional_config": {
            "transport": "tcp",
            "unit_id": 1,
            "timeout": 10,
            "notation": "plain",
            "order": "CDAB",
            "max_gap": 4,
            "points": [
                {"field": "temperature_zones.deck_1_top", "table": "input", "address": 0, "type": "int16", "scale": 0.1,
                 "nan": [-32768]},
                {"field": "target_temperature", "table": "holding", "address": 100, "type": "int16", "scale": 0.1},
                {"field": "operational_status", "table": "input", "address": 11, "type": "bit", "bit": 8,
                 "enum": {"true": "error"}},
                {"field": "operational_status", "table": "input", "address": 10, "type": "uint16",
                 "enum": {"1": "off", "4": "preheating", "17": "running"}},
                {"field": "time_remaining_minutes", "table": "input", "address": 13, "type": "uint16", "unit": "s",
                 "unknown": [65535]},
                {"field": "humidity", "table": "input", "address": 20, "type": "float32", "min": 0, "max": 100},
                {"field": "energy_consumption_kwh", "table": "input", "address": 22, "type": "uint32", "order": "ABCD",
                 "unit": "Wh"},
                {"field": "additional_sensors.programme", "table": "input", "address": 40, "type": "string",
                 "count": 8},
                {"field": "door_status", "table": "discrete", "address": 0, "enum": {"true": "open",
                 "false": "closed"}},
            ],
        },
    }  # fmt: skip

    def __init__(self, equipment_id: str, config: ModbusConfig, **surroundings: Any) -> None:
        super().__init__(equipment_id, config, **surroundings)
        options = config.additional_config
        self._unit_id, self._close_after_poll = options.unit_id, options.close_after_poll
        self._map = _share_map(options)
        self._points = self._map.points
        self._memory = BlockMemory((span for point in self._points for span in point.spans), options.limits)
        self._pace = Pace(
            options.request_timeout, options.retries, options.delay_after_connect, options.delay_between_requests
        )
        self._line: ModbusLine | None = None
        self._image: Image | None = None  # of the last reading, where the connection test wants it

    @cached_property
    def place(self) -> str:
        return f"Unit {self._unit_id} at {self.config.line}"

    @property
    def is_open(self) -> bool:
        return self._line is not None

    def _route(self) -> Route:
        config, options = self.config, self.config.additional_config
        route = Route(options.transport, config.host.lower(), config.dialled_port, config.line, self.policy)
        if not config.is_serial:
            return route
        return replace(
            route, host=config.host, baudrate=options.baudrate, parity=options.parity, stopbits=options.stopbits
        )

    async def connect(self) -> None:
        if self._line is None:
            self._line = ModbusLine.join(self._route(), self)
        await self._line.open(self._pace)

    async def close(self) -> None:
        line, self._line = self._line, None
        self._memory.forget()
        if line is not None:
            await line.leave(self)

    async def get_current_reading(self) -> Reading:
        """As in the guide it may be called on a line that is not open; it is then opened for this once."""
        if (line := self._line) is None:
            async with self:
                return await self.get_current_reading()
        try:
            async with self._time_limit():
                image = await self._read_image(line)
        finally:
            if self._close_after_poll:
                line.rest()
        if self._image is not None:
            self._image = image
        return self._map.parse(image, received_at=datetime.now(UTC))

    async def _read_image(self, line: ModbusLine) -> Image:
        """Everything the points need. A refused request is split; what else fails is missing in the image."""
        image: dict[str, dict[int, int]] = {}
        refusals: list[int] = []
        give_up_at = time.monotonic() + self.timeout * _SHARE_FOR_BUSY
        waiting = list(self._memory.plan())
        while waiting:
            block = waiting.pop(0)
            try:
                values = await self._ask(line, block, give_up_at)
            except RefusalError as refusal:
                if refusal.code in NOT_THERE:
                    waiting[:0] = self._memory.refuse(block, refusal.code)
                elif refusal.code in (*BUSY, *UNIT_OFFLINE):
                    raise self._describe(refusal.code) from None
                refusals.append(refusal.code)
                continue
            image.setdefault(block.table, {}).update(enumerate(values, block.address))
        if not image:
            self._memory.forget()  # nothing at all is no map to remember
            raise self._describe(refusals[-1])
        return image

    async def _ask(self, line: ModbusLine, block: Block, give_up_at: float) -> Sequence[int]:
        """One request, again after a pause as long as the machine says that it is busy."""
        request = Request(self._unit_id, block.table, block.address, block.count)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await line.ask(request, self._pace, self.place)
            except RefusalError as refusal:
                if refusal.code not in BUSY or time.monotonic() + pause > give_up_at:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _describe(self, code: int) -> ConnectorError:
        return describe_refusal(code, self._unit_id, self.config.line)

    async def get_capabilities(self) -> Capabilities:
        if self._line is None:
            async with self:
                return await self.get_capabilities()
        if not self._image:
            self._image = {}
            await self.get_current_reading()
        reading = self._map.parse(self._image, received_at=datetime.now(UTC))
        rows = list_point_rows(self._image, self._points)
        remarks = (*list_remarks(rows), *await self._ask_neighbours(self._line, self._image))
        return Capabilities.from_reading(reading, remarks, {"points": rows})

    async def _ask_neighbours(self, line: ModbusLine, image: Image) -> list[str]:
        """Whether values that make no sense are one register further on or back."""
        remarks: list[str | None] = []
        with suppress(ConnectorError):
            async with self._time_limit():
                for point, span in list_neighbours(image, self._points):
                    with suppress(RefusalError):
                        request = Request(self._unit_id, span.table, span.address, span.count)
                        registers = await line.ask(request, self._pace, self.place)
                        remarks.append(describe_neighbour(point, span, registers, image))
        return [remark for remark in remarks if remark]

    async def test_connection(self) -> ConnectionTest:
        """With the table of the points also where they make no reading."""
        self._image = {}
        result = await super().test_connection()
        if not result.success and self._image:
            return replace(result, details={"points": list_point_rows(self._image, self._points)})
        return result
