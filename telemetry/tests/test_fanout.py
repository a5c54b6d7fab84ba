"""One message for many pages, and a page that takes nothing."""

import asyncio
import threading
from typing import Any

import orjson
import pytest
from websockets.sync.client import connect

from conftest import BackgroundLoop, wait_for
from equipment.tests.factories import make_bakery, make_user
from telemetry import consumers
from telemetry.channel import list_watched, send
from telemetry.fanout import MOST_WAITING, Fanout, Mailbox
from telemetry.live import encode
from telemetry.tests.sockets import next_message, page, session_of

BIG = b'{"time":"","type":"states","states":[{"number":%%d,"filling":"%s"}]}' % (b"x" * 400_000)


def read_until_the_last(socket: Any, came: list[int]) -> None:
    while not came or came[-1] != 59:
        came.extend(state["number"] for state in next_message(socket, "states")["states"])


async def test_a_mailbox_gives_what_was_put_in_its_order() -> None:
    mailbox = Mailbox()
    for number in range(MOST_WAITING):
        mailbox.put(str(number))
    assert [await mailbox.take() for _ in range(MOST_WAITING)] == [str(number) for number in range(MOST_WAITING)]


async def test_what_piles_up_gives_way_to_a_snapshot_and_the_newest() -> None:
    mailbox = Mailbox()
    for number in range(MOST_WAITING + 3):
        mailbox.put(str(number))
    newest = [str(number) for number in range(MOST_WAITING, MOST_WAITING + 3)]
    assert [await mailbox.take() for _ in range(4)] == [None, *newest]


def states(*names: str) -> str:
    return encode({"type": "states", "states": [{"equipment_name": name, "states": ["]}"]} for name in names]}).decode()


async def test_states_that_come_together_go_out_together_and_keep_their_place_among_the_others() -> None:
    mailbox = Mailbox()
    event = encode({"type": "connection_event", "event": {"states": []}}).decode()
    for text in (states("first"), states("second", "third"), event, states("fourth")):
        mailbox.put(text)
    joined, between, last = [orjson.loads(await mailbox.take() or "") for _ in range(3)]
    assert joined["type"] == "states"
    assert [state["equipment_name"] for state in joined["states"]] == ["first", "second", "third"]
    assert joined["states"][0]["states"] == ["]}"]
    assert between["type"] == "connection_event"
    assert [state["equipment_name"] for state in last["states"]] == ["fourth"]


async def test_pages_that_follow_the_same_bakeries_share_one_text() -> None:
    first, second = Mailbox(), Mailbox()
    for text in (states("first"), states("second")):
        first.put(text)
        second.put(text)
    assert await first.take() is await second.take()


async def test_whoever_waits_is_woken() -> None:
    mailbox = Mailbox()
    waiting = asyncio.create_task(mailbox.take())
    await asyncio.sleep(0)
    mailbox.put("news")
    assert await waiting == "news"


@pytest.mark.django_db(transaction=True)
def test_a_bakery_is_listened_to_as_long_as_anybody_follows_it(background: BackgroundLoop) -> None:
    bakery, first, second = make_bakery().pk, Mailbox(), Mailbox()

    async def begin() -> Fanout:
        fanout = Fanout.here()
        await asyncio.gather(fanout.follow(bakery, first), fanout.follow(bakery, second))
        assert Fanout.here() is fanout
        return fanout

    fanout = background.run(begin())
    assert list_watched([bakery]) == {bakery}
    send({bakery: [b"news"]})
    assert background.run(first.take()) == background.run(second.take()) == "news"
    background.run(fanout.leave(bakery, first))
    assert list_watched([bakery]) == {bakery}
    background.run(fanout.leave(bakery, second))
    wait_for(lambda: list_watched([bakery]) == set(), "the end of the listening")


@pytest.mark.django_db(transaction=True)
def test_a_page_that_takes_nothing_costs_the_others_nothing_and_is_cut_off(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "STUCK_SECONDS", 1.0)
    user = make_user()
    bakery = make_bakery(user)
    address, headers = site.replace("http", "ws") + "/ws/live/", session_of(user)
    came: list[Any] = []
    plain: Any = {"additional_headers": headers, "origin": site, "proxy": None, "compression": None}
    with connect(address, **plain, max_queue=1, close_timeout=0.1):
        with page(site, headers) as socket:
            next_message(socket, "snapshot")
            reading = threading.Thread(target=read_until_the_last, args=(socket, came))
            reading.start()
            for number in range(60):
                send({bakery.pk: [BIG % number]})
            reading.join(20)
        assert came == list(range(60))
        wait_for(lambda: list_watched([bakery.pk]) == set(), "the page that takes nothing to be left out")
