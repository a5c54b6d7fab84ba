"""Machines that publish to an MQTT broker: which topic is which machine, and what a message means.

The machine speaks by itself, so the collector listens to `readings()` and confirms what is stored; only then is a
message acknowledged. Options and what to ask the technician: docs/connectors/mqtt.md.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from .base import BaseIoTConnector
from .errors import ConfigurationError, ConnectorError, UnreachableError
from .home_assistant import discovery_filters, list_devices
from .mqtt_account import make_account
from .mqtt_broker import SharedBroker
from .mqtt_feeds import DocumentFeed, Feed, MergedFeed, describe_others
from .mqtt_inbox import Inbox
from .mqtt_listener import Listener
from .mqtt_settings import MqttConfig
from .mqtt_tables import list_points
from .reading import Capabilities, ConnectionTest, Reading
from .sparkplug import encode_rebirth
from .sparkplug_feed import SparkplugFeed, node_filter, rebirth_topic

_OLD = timedelta(minutes=10)
_ANNOUNCEMENT_PAUSE_SECONDS = 0.5


class MqttConnector(BaseIoTConnector[MqttConfig]):
    """A machine behind a broker."""

    config_class = MqttConfig
    pushes = True
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "mqtts://192.168.1.5",
        "port": 8883,
        "credentials": {"username": "bakery", "password": "the password of the broker's account"},
        "additional_config": {
            "format": "json",
            "topic": "bakery/{device_id}/data",
            "device_id": "oven-1",
            "interval": 10,
            "availability_topic": "bakery/{device_id}/status",
            "timeout": 10,
            "verify_ssl": True,
            "mapping": {
                "timestamp": {"path": "ts", "unit": "ms"},
                "temperature": {"path": "t", "unit": "°C"},
                "temperature_zones": {"core": "zones.core"},
                "energy_consumption_kwh": {"path": "meter.wh", "unit": "Wh"},
                "operational_status": {"path": "state", "enum": {"HEATING": "preheating", "BAKING": "running"}},
            },
        },
    }

    def __init__(self, equipment_id: str, config: MqttConfig, **surroundings: Any) -> None:
        super().__init__(equipment_id, config, **surroundings)
        options = config.additional_config
        self._broker = config.broker
        self._share: SharedBroker | None = None
        self._inbox: Inbox | None = None
        self._listener: Listener | None = None
        self._is_guest = False
        self._last: Reading | None = None
        self._devices: list[dict[str, Any]] = []
        # Sparkplug values come at QoS 0: nobody repeats them.
        self.repeats = options.qos == 1 and options.persistent_session and options.format != "sparkplug_b"

    @property
    def place(self) -> str:
        return self._broker.place

    @property
    def is_open(self) -> bool:
        return self._listener is not None

    def _fill(self, topic: str) -> str:
        own = self.config.additional_config.device_id or self.equipment_id
        return topic.replace("{device_id}", own).replace("{equipment_id}", self.equipment_id)

    async def connect(self) -> None:
        if self._listener:
            return
        await self.close()
        options = self.config.additional_config
        account = make_account(self.config, policy=self.policy, identity=self.identity, is_guest=self._is_guest)
        self._share = SharedBroker(account, seconds=options.timeout)
        availability = self._fill(options.availability_topic) if options.availability_topic else None
        topics = self._list_topics()
        # The will first: brokers send what they have retained in the order of the subscriptions.
        wanted = [*filter(None, (availability,)), *(topic for _, topic in topics)]
        self._inbox = Inbox(self.equipment_id, wanted, options.qos)
        await self._share.broker.join(self._inbox)
        self._listener = Listener(
            self._inbox,
            self._make_feed(topics),
            options,
            availability=availability,
            where=self._where(topics),
            confirms=self.repeats and not self._is_guest,
        )

    async def close(self) -> None:
        share, self._share = self._share, None
        inbox, self._inbox = self._inbox, None
        listener, self._listener = self._listener, None
        if share:
            if inbox:
                share.broker.leave(inbox, listener.take_unfinished() if listener else [])
            await share.give_back()

    async def readings(self) -> AsyncIterator[Reading | ConnectorError]:
        inbox, listener = self._opened()
        if not inbox.topics:
            raise self._nothing_chosen()
        now = asyncio.get_running_loop().time
        while True:
            for item in listener.step(now()):
                if isinstance(item, Reading):
                    self._last = item
                yield item
            for news in listener.judge(now()):
                yield news
            self._check()
            await inbox.wait(listener.deadline())

    async def confirm(self, readings: Sequence[Reading]) -> None:
        if self._listener:
            self._listener.confirm(readings)

    async def get_current_reading(self) -> Reading:
        """The next one, or what the broker has retained; that is marked as stale if nobody knows its time.

        As in the guide it may be called on a line that is not open; it is then opened for this once.
        """
        if not self.is_open:
            with self._as_guest():
                async with self:
                    return await self.get_current_reading()
        inbox, listener = self._opened()
        if not inbox.topics:
            await self._look_for_announcements()
            raise self._nothing_chosen()
        listener.feed.takes_last_known = True
        try:
            async with asyncio.timeout(self.timeout):
                while (reading := await self._drain(listener)) is None:
                    await inbox.wait(listener.deadline())
        except TimeoutError:
            raise self._silence(listener) from None
        finally:
            listener.feed.takes_last_known = False
        self._last = reading
        return reading

    async def _drain(self, listener: Listener) -> Reading | None:
        """The newest reading of all that has come. Raises what stands against it."""
        self._check()
        items = list(listener.step(asyncio.get_running_loop().time()))
        readings = [item for item in items if isinstance(item, Reading)]
        errors = [item for item in items if isinstance(item, ConnectorError)]
        await self.confirm(readings)
        if gone := [error for error in errors if isinstance(error, UnreachableError)]:
            raise gone[-1]
        if readings:
            known = [reading for reading in readings if "stale" not in reading.quality.values()]
            return max(known or readings, key=lambda reading: reading.reading_time)
        if errors:
            raise errors[-1]
        return None

    async def get_capabilities(self) -> Capabilities:
        if not self.is_open:
            with self._as_guest():
                async with self:
                    return await self.get_capabilities()
        reading = self._last or await self.get_current_reading()
        _, listener = self._opened()
        await self._look_for_announcements()
        points = list_points(listener.feed.document(), self.config.additional_config.mapping)
        details = {"points": points} | ({"devices": self._devices} if self._devices else {})
        return Capabilities.from_reading(reading, tuple(self._list_remarks(reading, listener)), details)

    async def test_connection(self) -> ConnectionTest:
        with self._as_guest():
            result = await super().test_connection()
        if self._devices and not result.details:
            return replace(result, details={"devices": self._devices})
        return result

    @contextmanager
    def _as_guest(self) -> Iterator[None]:
        self._is_guest = True
        try:
            yield
        finally:
            self._is_guest = False

    def _opened(self) -> tuple[Inbox, Listener]:
        if self._inbox is None or self._listener is None:
            raise RuntimeError("connect() first")
        return self._inbox, self._listener

    def _check(self) -> None:
        if self._share:
            self._share.broker.check()

    def _list_topics(self) -> list[tuple[str | None, str]]:
        """(name in the document, topic); the name is None where the topic alone says it."""
        options = self.config.additional_config
        if options.format == "sparkplug_b":
            return [(None, node_filter(options))]
        if options.topic:
            return [(None, self._fill(options.topic))]
        return [(name, self._fill(topic)) for name, topic in options.topics.items()]

    def _make_feed(self, topics: Sequence[tuple[str | None, str]]) -> Feed:
        options = self.config.additional_config
        own = options.device_id or self.equipment_id
        if options.format == "sparkplug_b":
            return SparkplugFeed(options, own, self._ask_rebirth if options.allow_rebirth else None)
        return MergedFeed(options, own, topics) if options.is_merged else DocumentFeed(options, own)

    def _ask_rebirth(self) -> None:
        if self._share:
            topic = rebirth_topic(self.config.additional_config)
            self._share.broker.send(topic, encode_rebirth(int(time.time() * 1000)))

    def _where(self, topics: Sequence[tuple[str | None, str]]) -> str:
        shown = ", ".join(topic for _, topic in topics[:3])
        return f"{shown} at {self.place}" + (f" and {len(topics) - 3} more topics" if len(topics) > 3 else "")

    def _silence(self, listener: Listener) -> ConnectorError:
        """Why no reading came, as far as one can tell."""
        seconds, where = self.timeout, self._where(self._list_topics())
        if others := describe_others(listener.feed.others):
            return UnreachableError(
                f"Within {seconds:g} s only messages of other machines came on {where}: {others}. Correct device_id."
            )
        hint = "Check the topic, and that the machine is on; if it sends less often, set a longer timeout."
        if self.config.additional_config.format == "sparkplug_b":
            hint = (
                "An edge node tells what its values are when it starts: restart it, or set "
                "additional_config.allow_rebirth. Check group, edge node and device."
            )
        return UnreachableError(f"The broker lets us in, but no reading came within {seconds:g} s on {where}. {hint}")

    def _list_remarks(self, reading: Reading, listener: Listener) -> Iterator[str]:
        credentials = self.config.credentials
        if credentials.password and not self._broker.encrypted:
            yield "The connection is not encrypted, so the password can be read on the way."
        if self._broker.encrypted and not self.config.additional_config.verify_ssl:
            yield "The broker's certificate is not checked; paste it under additional_config.ca_pem instead."
        if "stale" in reading.quality.values():
            yield "These are the last values that the broker has kept; the machine itself has said nothing yet."
        elif datetime.now(UTC) - reading.reading_time > _OLD:
            yield (
                f"The values are from {reading.reading_time:%Y-%m-%d %H:%M} UTC. If they are new, correct the clock of "
                "the machine, or the time zone under additional_config.mapping.timestamp.timezone."
            )

    async def _look_for_announcements(self) -> None:
        prefix = self.config.additional_config.discovery_prefix
        if prefix and self._share and not self._devices:
            name, seconds = f"{self.equipment_id}/announcements", self.timeout
            found = await self._share.broker.collect(name, discovery_filters(prefix), seconds=seconds)
            self._devices = list_devices(found, prefix)

    def _nothing_chosen(self) -> ConnectorError:
        names = ", ".join(row["name"] for row in self._devices[:20])
        found = f"Announced are: {names}." if names else "Nothing is announced there."
        return ConfigurationError(
            f"These settings look for machines, and name none. {found} Test the connection to see their settings.",
            fields={"additional_config.topic": f"Say where the machine publishes. {found}"},
        )
