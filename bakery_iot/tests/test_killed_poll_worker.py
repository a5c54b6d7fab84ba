"""A poll worker is killed while messages arrive: what it had not stored comes again from the broker, and once only."""

import functools
import json
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from bakery_iot.tests.worker import Worker
from conftest import BackgroundLoop, wait_for
from connectors.simulators.broker import INSTALL_LINE, LocalBroker, find_mosquitto
from equipment.models import Equipment
from equipment.services import configure_equipment_iot
from equipment.tests.factories import make_bakery, make_equipment
from telemetry.models import SensorReading

GATEWAY = "killed"
TOPIC = "bakery/oven-1/data"
MESSAGES = 1_000

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture
def broker(background: BackgroundLoop) -> Iterator[LocalBroker]:
    if not find_mosquitto():
        pytest.skip(f"Mosquitto is not installed: {INSTALL_LINE}")
    broker = LocalBroker({"oven": "ovens-word", "worker": "workers-word"})
    background.run(broker.start())
    yield broker
    background.run(broker.close())


class Publisher:
    """An oven that sends with QoS 1, one reading per moment, and does not wait for us: only for the test's `limit`."""

    def __init__(self, broker: LocalBroker) -> None:
        self.begin = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=2 * MESSAGES)
        self.published = 0
        self.limit = MESSAGES
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="oven-1")
        self._client.username_pw_set("oven", "ovens-word")
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._publish_all, daemon=True)

    def publish(self, number: int) -> Any:
        moment = self.begin + timedelta(seconds=number)
        message = {"ts": moment.timestamp() * 1000, "t": 180 + number / 10}
        return self._client.publish(TOPIC, json.dumps(message), qos=1)

    def start(self) -> None:
        self._thread.start()

    def _publish_all(self) -> None:
        for number in range(MESSAGES):
            while number >= self.limit and not self._done.is_set():
                self._done.wait(0.01)
            self.publish(number).wait_for_publish(30)
            self.published = number + 1
            self._done.wait(0.005)

    def close(self) -> None:
        self._done.set()
        self._thread.join(60)
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def publisher(broker: LocalBroker) -> Iterator[Publisher]:
    publisher = Publisher(broker)
    yield publisher
    publisher.close()


@pytest.fixture
def oven(broker: LocalBroker) -> Equipment:
    return configure_equipment_iot(
        make_equipment(make_bakery(gateway=GATEWAY)),
        {
            "protocol": "mqtt",
            "endpoint": f"mqtt://{broker.host}",
            "port": broker.port,
            "credentials": {"username": "worker", "password": "workers-word"},
            "additional_config": {
                "topic": TOPIC,
                "mapping": {"timestamp": {"path": "ts", "unit": "ms"}, "temperature": {"path": "t", "unit": "°C"}},
            },
        },
    )


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path, f"poll.{GATEWAY}")
    yield worker
    worker.end(signal.SIGKILL)


def has_stored(count: int) -> bool:
    return SensorReading.objects.count() >= count


def test_a_thousand_messages_are_stored_once_although_the_worker_is_killed_twice(
    publisher: Publisher, oven: Equipment, worker: Worker
) -> None:
    worker.start()
    # The broker keeps messages for a client that it knows; until then they go to nobody.
    wait_for(lambda: publisher.publish(0) and has_stored(1), "the worker to listen")
    publisher.limit = MESSAGES * 2 // 5
    publisher.start()
    for enough in (MESSAGES // 5, MESSAGES * 3 // 5):
        wait_for(functools.partial(has_stored, enough), "the readings to arrive")
        worker.end(signal.SIGKILL)
        assert publisher.published < MESSAGES, "it must be killed while they arrive"
        publisher.limit += MESSAGES * 2 // 5
        worker.start()
    moments = [publisher.begin + timedelta(seconds=number) for number in range(MESSAGES)]
    wait_for(lambda: has_stored(MESSAGES) and publisher.published == MESSAGES, "all to be stored", 120)
    worker.end(signal.SIGTERM)
    rows = SensorReading.objects.order_by("reading_time").values_list("equipment", "reading_time", "temperature")
    assert [(pk, moment) for pk, moment, _ in rows] == [(oven.pk, moment) for moment in moments]
    assert [round(temperature or 0, 1) for *_, temperature in rows] == [180 + n / 10 for n in range(MESSAGES)]
