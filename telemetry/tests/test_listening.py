"""Lines to machines that push, as they run: the poll worker on its own thread, a real socket, the real database."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.db import OperationalError
from kombu.exceptions import OperationalError as BrokerError

from conftest import BackgroundLoop, wait_for
from connectors import Reading, UnreachableError
from equipment import tasks
from equipment.models import ConnectionLog, Equipment
from equipment.services import configure_equipment_iot, set_iot_enabled
from equipment.tests.factories import make_equipment
from telemetry import gathering, listening
from telemetry import outbox as outbox_module
from telemetry.models import SensorReading
from telemetry.outbox import Outbox
from telemetry.poll_worker import PollWorker
from telemetry.tests.pushing import PROTOCOL, PushingConnector, PushingMachine, install

pytestmark = pytest.mark.django_db(transaction=True)


class Shop:
    """One machine that pushes, and the worker that listens to it."""

    def __init__(self, background: BackgroundLoop, worker: PollWorker) -> None:
        self.background, self.worker = background, worker
        self.machine = PushingMachine()
        background.run(self.machine.start())
        self.oven = make_equipment(poll_interval_seconds=1)

    def connect(self, **options: Any) -> None:
        configure_equipment_iot(self.oven, {"protocol": PROTOCOL, **self.machine.settings(**options)})

    def say(self, count: int = 1, **values: Any) -> list[int]:
        return self.background.run(self.machine.say(count, **values))

    @property
    def outbox(self) -> Outbox:
        return self.until(lambda: self.worker.collector, "the collector").outbox  # type: ignore[no-any-return]

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        def tick() -> Any:
            self.worker.wake()
            return condition()

        return wait_for(tick, what)

    def stored(self) -> int:
        return SensorReading.objects.filter(equipment=self.oven).count()

    def all_acknowledged(self) -> bool:
        return not self.machine.kept

    def status(self) -> tuple[str, str]:
        self.oven.refresh_from_db()
        return self.oven.iot_connection_status, self.oven.iot_connection_error_code

    def events(self) -> list[str]:
        logs = ConnectionLog.objects.filter(equipment=self.oven).exclude(event_type="configured").order_by("id")
        return [code or kind for kind, code in logs.values_list("event_type", "error_code")]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[PollWorker]:
    install(monkeypatch)
    worker = PollWorker("central")
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def shop(background: BackgroundLoop, worker: PollWorker) -> Iterator[Shop]:
    shop = Shop(background, worker)
    yield shop
    worker.stop()
    background.run(shop.machine.stop())


@pytest.fixture
def database_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """As psycopg looks when nobody answers; `undo` brings it back."""

    def refuse(*arguments: Any, **options: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(gathering, "LONGEST_WAIT_SECONDS", 0.5)
    with pytest.MonkeyPatch.context() as away:
        away.setattr(outbox_module, "store_sensor_readings", refuse)
        yield away


def test_what_is_pushed_is_stored_and_then_acknowledged(shop: Shop) -> None:
    shop.connect()
    shop.say(1000)  # fifty times what may be under way
    shop.until(shop.all_acknowledged, "all to be acknowledged")
    assert shop.stored() == 1000
    assert shop.machine.acknowledged == sorted(shop.machine.acknowledged)
    assert (shop.status(), shop.events()) == (("connected", ""), ["connected"])
    assert (shop.machine.lines, shop.machine.sent) == (1, 1000)


def test_what_comes_twice_or_can_never_be_stored_is_acknowledged_too(shop: Shop) -> None:
    shop.connect()
    shop.say(1)
    shop.say(3, moment=1)
    shop.say(2, temperature="hot")
    shop.until(shop.all_acknowledged, "all to be acknowledged")
    assert shop.stored() == 1


def test_nothing_is_acknowledged_while_the_database_is_away(shop: Shop, database_away: pytest.MonkeyPatch) -> None:
    handed_over: list[str] = []
    outbox = shop.outbox
    outbox.hand_over = handed_over.append
    shop.connect()
    shop.say(50)
    shop.until(lambda: outbox.database_away, "the database to be missed")
    shop.until(lambda: len(outbox.unconfirmed) == 20, "as many as may be under way")
    assert shop.machine.acknowledged == []
    assert handed_over == []
    database_away.undo()
    shop.until(shop.all_acknowledged, "all to be acknowledged")
    assert (shop.stored(), shop.machine.sent) == (50, 50)


def test_a_broken_line_is_opened_again_and_nothing_is_lost_or_stored_twice(shop: Shop) -> None:
    shop.connect()
    shop.say(5)
    shop.until(shop.all_acknowledged, "the first ones")
    shop.background.run(shop.machine.stop())
    shop.until(lambda: shop.status()[0] == "disconnected", "the loss to be shown")
    shop.say(5)
    shop.background.run(shop.machine.start())
    shop.until(lambda: shop.all_acknowledged() and shop.status() == ("connected", ""), "the line to come back")
    assert shop.stored() == 10
    assert shop.events()[0] == shop.events()[-1] == "connected"


def test_a_line_that_breaks_before_the_commit_gets_the_same_again(
    shop: Shop, database_away: pytest.MonkeyPatch
) -> None:
    shop.connect()
    shop.say(5)
    shop.until(lambda: len(shop.outbox.unconfirmed) == 5, "all five to wait")
    shop.background.run(shop.machine.cut())
    shop.until(lambda: shop.machine.sent == 10, "all five to come again")
    database_away.undo()
    shop.until(shop.all_acknowledged, "all to be acknowledged")
    assert shop.stored() == 5


def test_news_about_a_machine_does_not_end_its_line(shop: Shop) -> None:
    shop.connect()
    shop.say(1)
    shop.until(lambda: shop.status() == ("connected", ""), "the first reading")
    shop.say(3, news="The machine said something else. Look at its settings.")
    shop.until(lambda: shop.status() == ("error", "mapping"), "the news to be shown")
    shop.say(1)
    shop.until(lambda: shop.status() == ("connected", ""), "the next reading")
    assert shop.events() == ["connected", "mapping", "connected"]
    assert shop.machine.lines == 1


def test_a_machine_that_cannot_make_up_its_mind_does_not_fill_the_log(shop: Shop) -> None:
    shop.connect()
    for _ in range(30):
        shop.say(1)
        shop.say(1, news="Half of the messages make no sense. Look at the settings.")
    shop.until(shop.all_acknowledged, "all to be acknowledged")
    assert len(shop.events()) <= 10


def test_a_connector_with_a_bug_is_shown_and_tried_again(shop: Shop) -> None:
    shop.connect()
    (number,) = shop.say(1, temperature="bug")
    shop.until(lambda: shop.status() == ("error", "internal"), "the bug to be shown")
    shop.machine.kept.pop(number)
    shop.say(1)
    shop.until(lambda: shop.status() == ("connected", ""), "the line to come back")


@pytest.mark.parametrize("pushes", [True, False])
def test_a_library_that_cancels_us_only_breaks_the_line(shop: Shop, pushes: bool) -> None:
    shop.connect(pushes=pushes)
    (number,) = shop.say(1, temperature="cancelled")
    shop.until(lambda: shop.status() == ("disconnected", "reset"), "the break to be shown")
    shop.machine.kept.pop(number)
    shop.say(1)
    shop.until(lambda: shop.status() == ("connected", ""), "the line to come back")


def test_a_confirmation_that_fails_breaks_the_line(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [UnreachableError("The connection broke off.", code="reset")]
    confirm = PushingConnector.confirm

    async def fail_once(connector: PushingConnector, readings: Sequence[Reading]) -> None:
        if failures:
            raise failures.pop()
        await confirm(connector, readings)

    monkeypatch.setattr(PushingConnector, "confirm", fail_once)
    shop.connect()
    shop.say(3)
    shop.until(shop.all_acknowledged, "all to be acknowledged over the next line")
    assert (shop.stored(), shop.machine.lines) == (3, 2)


def test_a_parked_line_hangs_up_and_comes_back(shop: Shop) -> None:
    shop.connect()
    shop.say(1)
    shop.until(shop.all_acknowledged, "the first reading")
    assert shop.worker.collector
    with tasks.park_line(shop.oven.pk):
        assert shop.worker.collector.lines[shop.oven.pk].connector is None
        shop.say(3)
    shop.until(shop.all_acknowledged, "what was said meanwhile")
    assert (shop.stored(), shop.machine.lines) == (4, 2)
    assert shop.events() == ["connected"]


def test_the_line_follows_the_table(shop: Shop) -> None:
    shop.connect()
    shop.say(1)
    shop.until(shop.all_acknowledged, "the first reading")
    set_iot_enabled(shop.oven, False)
    shop.until(lambda: shop.worker.collector and not shop.worker.collector.lines, "the line to close")
    shop.say(1)
    set_iot_enabled(shop.oven, True)
    shop.until(shop.all_acknowledged, "the reading of the new line")
    shop.connect(repeats=False)
    shop.say(1)
    shop.until(lambda: shop.stored() == 3, "the reading with the new settings")


def test_what_is_committed_is_acknowledged_before_the_worker_stops(
    shop: Shop, database_away: pytest.MonkeyPatch
) -> None:
    shop.connect()
    shop.say(8)
    shop.until(lambda: len(shop.outbox.unconfirmed) == 8, "all to wait")
    database_away.undo()
    shop.worker.stop()
    wait_for(shop.all_acknowledged, "all to be acknowledged")
    assert shop.stored() == 8


def test_what_was_not_stored_at_the_stop_comes_again(shop: Shop, database_away: pytest.MonkeyPatch) -> None:
    shop.connect()
    shop.say(8)
    shop.until(lambda: len(shop.outbox.unconfirmed) == 8, "all to wait")
    shop.worker.stop()
    assert shop.machine.acknowledged == []
    database_away.undo()
    second = PollWorker("central")
    second.start()
    try:
        wait_for(shop.all_acknowledged, "all to be acknowledged")
    finally:
        second.stop()
    assert shop.stored() == 8


@pytest.mark.parametrize("repeats", [True, False])
def test_a_flood_waits_at_the_machine_and_not_with_us(
    shop: Shop, database_away: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch, repeats: bool
) -> None:
    def no_broker(text: str) -> None:
        raise BrokerError("no broker")

    outbox = shop.outbox
    outbox.hand_over = no_broker
    monkeypatch.setattr(listening, "MOST_WAITING", 100)
    shop.machine.window = 1_000_000
    shop.connect(repeats=repeats)
    shop.say(500)
    # A batch that is just being tried lies in neither queue.
    shop.until(lambda: len(outbox.readings) + len(outbox.unconfirmed) == 100, "a hundred to wait")
    assert shop.stored() == 0
    database_away.undo()
    shop.until(lambda: shop.stored() == 500, "all to be stored")


def test_without_database_what_does_not_come_again_goes_to_celery(
    shop: Shop, database_away: pytest.MonkeyPatch
) -> None:
    handed_over: list[str] = []
    shop.outbox.hand_over = handed_over.append
    shop.connect(repeats=False)
    shop.say(3)
    shop.until(lambda: sum(text.count("reading_time") for text in handed_over) == 3, "three to be handed over")
    assert shop.stored() == 0
    assert shop.machine.acknowledged == []
    database_away.undo()


def test_a_machine_that_is_read_keeps_its_place_beside_one_that_floods(shop: Shop, ovens: Any) -> None:
    key = next(iter(ovens.ovens))
    quiet = make_equipment(shop.oven.bakery, name="quiet", poll_interval_seconds=1)
    configure_equipment_iot(quiet, {"protocol": "rest_api", **ovens.settings(key)})
    shop.machine.window = 1_000_000
    shop.connect(repeats=False)
    shop.say(20_000)

    def steps() -> int:
        return SensorReading.objects.filter(equipment=quiet).count()

    shop.until(lambda: shop.stored() == 20_000 and steps() >= 3, "both")
    assert Equipment.objects.get(pk=quiet.pk).iot_connection_status == "connected"
