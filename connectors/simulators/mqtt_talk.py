"""What a simulated oven publishes, in each of the shapes, and the settings with which our connector reads it."""

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from connectors.reading import VALUE_FIELDS, ZONE_FIELDS, Reading

from .faults import HttpFault
from .mappings import connector_settings
from .payloads import write_document
from .served import ServedOven
from .sparkplug_writer import BOOLEAN, DOUBLE, INT64, STRING, WrittenMetric, write_payload

_TOO_LARGE_BYTES = 1_200_000
_SENSORS = ("operating_hours", "programme", "batch_number", "alarm")
_BROKEN = "---"
_PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"


class Message(NamedTuple):
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


class Talk(ABC):
    """One oven's way of speaking. `settings` are for `additional_config`."""

    commands: str | None = None  # the topic where it takes some

    def __init__(self, oven: ServedOven) -> None:
        self.oven = oven
        self.key = oven.spec.key
        self.base = f"bakery/{oven.spec.bakery.slug}/{self.key}"

    @property
    def status_topic(self) -> str:
        return f"{self.base}/status"

    def will(self) -> Message:
        """Of the next connection; asked once for each."""
        return Message(self.status_topic, b"offline", 1, True)

    def greeting(self, reading: Reading) -> list[Message]:
        return [Message(self.status_topic, b"online", 1, True)]

    def farewell(self) -> list[Message]:
        return [self.will()]

    @abstractmethod
    def say(self, reading: Reading) -> list[Message]: ...

    @abstractmethod
    def settings(self) -> dict[str, Any]: ...

    def answer(self, payload: bytes) -> None:
        """A command came; most take none."""
        return

    @property
    @abstractmethod
    def data_topic(self) -> str: ...

    def nonsense(self, fault: str) -> Message:
        """What it publishes in place of values, with a fault of that kind."""
        payload = {
            HttpFault.HTML: _PAGE,
            HttpFault.BROKEN_JSON: b'{"temperature": 18',
            HttpFault.GARBAGE: b"\xff" + random.randbytes(40),
            HttpFault.TOO_LARGE: b" " * _TOO_LARGE_BYTES,
        }.get(HttpFault(fault), b'{"error": "simulated fault"}')
        return Message(self.data_topic, payload)


class JsonTalk(Talk):
    """One document per moment, in the shape that the oven's web server has too."""

    @property
    def data_topic(self) -> str:
        return f"{self.base}/data"

    def say(self, reading: Reading) -> list[Message]:
        document = self.oven.server.spoil(write_document(self.oven.spec.shape, self.key, reading))
        return [Message(self.data_topic, json.dumps(document, ensure_ascii=False).encode())]

    def settings(self) -> dict[str, Any]:
        rest = connector_settings(self.oven.spec, "", "")["additional_config"]
        own = {"format": "json", "topic": self.data_topic, "availability_topic": self.status_topic}
        return own | {name: rest[name] for name in ("mapping",) if name in rest}


class RawTalk(Talk):
    """A topic for each value, as text; the time comes last, when all else is said."""

    @property
    def data_topic(self) -> str:
        return f"{self.base}/values/temperature"

    def say(self, reading: Reading) -> list[Message]:
        values = {path: None if self.oven.fault == HttpFault.NULL_VALUES else value for path, value in _paths(reading)}
        values["timestamp"] = reading.reading_time.isoformat()
        return [
            Message(f"{self.base}/values/{path}", ("" if value is None else str(value)).encode())
            for path, value in values.items()
        ]

    def settings(self) -> dict[str, Any]:
        mapping: dict[str, Any] = {"timestamp": "timestamp", **{name: name for name in VALUE_FIELDS}}
        zones = [zone for group in ZONE_FIELDS for zone in getattr(self.oven.read(), group)]
        mapping |= {group: {zone: f"{group}.{zone}" for zone in zones} for group in ZONE_FIELDS}
        kinds = {"operating_hours": "number"}
        mapping["additional_sensors"] = {
            name: {"path": f"additional_sensors.{name}", "type": kinds.get(name, "text")} for name in _SENSORS
        }
        own = {"format": "raw", "topic": f"{self.base}/values/#", "availability_topic": self.status_topic}
        return own | {"mapping": mapping}


def _paths(reading: Reading) -> Iterator[tuple[str, Any]]:
    """(topic below the oven's, value) of all it can have, so that what has gone is said too."""
    for name in VALUE_FIELDS:
        yield name, _BROKEN if reading.quality.get(name) == "bad" else getattr(reading, name)
    for group in ZONE_FIELDS:
        for zone in reading.temperature_zones:
            broken = reading.quality.get(f"{group}.{zone}") == "bad"
            yield f"{group}/{zone}", _BROKEN if broken else getattr(reading, group).get(zone)
    for name in _SENSORS:
        yield f"additional_sensors/{name}", reading.additional_sensors.get(name)


class SparkplugTalk(Talk):
    """A device behind an edge node: a birth with all names, then only what has changed, by alias."""

    def __init__(self, oven: ServedOven) -> None:
        super().__init__(oven)
        self._group, self._node = oven.spec.bakery.slug, f"plc-{self.key}"
        self._birth_number = -1
        self._seq = 0
        self._aliases: dict[str, int] = {}
        self._said: dict[str, Any] = {}
        self._must_bear = True
        self.births = 0
        self.commands = self._topic("NCMD", device=False)

    def _topic(self, kind: str, *, device: bool) -> str:
        return f"spBv1.0/{self._group}/{kind}/{self._node}" + (f"/{self.key}" if device else "")

    @property
    def data_topic(self) -> str:
        return self._topic("DDATA", device=True)

    def will(self) -> Message:
        self._birth_number = (self._birth_number + 1) % 256
        return self._death()

    def _death(self) -> Message:
        return Message(self._topic("NDEATH", device=False), self._write([self._number_of_birth(named=True)], None), 1)

    def farewell(self) -> list[Message]:
        return [self._death()]

    def greeting(self, reading: Reading) -> list[Message]:
        self._must_bear = False
        self._seq = 0
        self.births += 1
        now = _ms(reading.reading_time)
        rebirth = WrittenMetric(name="Node Control/Rebirth", timestamp=now, datatype=BOOLEAN, value=False)
        node = self._write([self._number_of_birth(named=True), rebirth], 0, now)
        return [Message(self._topic("NBIRTH", device=False), node, 0), self._device_birth(reading)]

    def _device_birth(self, reading: Reading) -> Message:
        now, values = _ms(reading.reading_time), dict(_paths(reading))
        self._aliases = {name: number for number, name in enumerate(values, start=10)}
        metrics = [self._metric(name, value, now, named=True) for name, value in values.items()]
        self._said = values
        return Message(self._topic("DBIRTH", device=True), self._write(metrics, self._next(), now), 0)

    def say(self, reading: Reading) -> list[Message]:
        blank = self.oven.fault == HttpFault.NULL_VALUES
        values = {name: None if blank else value for name, value in _paths(reading)}
        if self._must_bear or values.keys() != self._said.keys():
            return self.greeting(reading)
        now = _ms(reading.reading_time)
        # The state always, as a sign of life; everything else only when it changes.
        changed = {name for name in values if values[name] != self._said[name]} | {"operational_status"}
        metrics = [self._metric(name, values[name], now, named=False) for name in values if name in changed]
        self._said = values
        return [Message(self.data_topic, self._write(metrics, self._next(), now), 0)]

    def answer(self, payload: bytes) -> None:
        self._must_bear = self._must_bear or b"Node Control/Rebirth" in payload

    def settings(self) -> dict[str, Any]:
        where = {"group_id": self._group, "edge_node_id": self._node, "device_id": self.key}
        return {"format": "sparkplug_b", **where, "allow_rebirth": True, "reorder_timeout": 1}

    def _next(self) -> int:
        self._seq = (self._seq + 1) % 256
        return self._seq

    def _number_of_birth(self, *, named: bool) -> WrittenMetric:
        return WrittenMetric(name="bdSeq" if named else None, datatype=INT64, value=self._birth_number)

    def _metric(self, name: str, value: Any, now: int, *, named: bool) -> WrittenMetric:
        return WrittenMetric(
            name=name if named else None,
            alias=self._aliases[name],
            timestamp=now,
            datatype=_datatype(name) if named else None,
            value=None if value == _BROKEN else value if value is None or _datatype(name) == STRING else float(value),
            is_bad=value == _BROKEN,
        )

    def _write(self, metrics: list[WrittenMetric], seq: int | None, now: int | None = None) -> bytes:
        return write_payload(metrics, timestamp=now, seq=seq)


def _datatype(name: str) -> int:
    texts = ("operational_status", "cycle_stage", "door_status", "programme", "batch_number", "alarm")
    return STRING if name.rpartition("/")[2] in texts else DOUBLE


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


TALKS: Mapping[str, type[Talk]] = {"json": JsonTalk, "raw": RawTalk, "sparkplug_b": SparkplugTalk}
