"""Simulated ovens that publish to a broker of their own: most in JSON, some as Sparkplug devices, one topic by topic.

Each is a client of its own, with a last will. Who reads them signs in with an oven's key and its token.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Self

import aiomqtt

from .broker import LocalBroker, find_mosquitto
from .faults import HttpFault
from .mqtt_talk import TALKS, Message, SparkplugTalk, Talk
from .served import ServedOven

# What an oven speaks, where nobody says otherwise. All others: JSON.
FORMATS: Mapping[str, str] = {
    "sol-1": "raw",
    "sol-2": "sparkplug_b",
    "teide-4": "sparkplug_b",
    "backstube-3": "sparkplug_b",
}
_OVENS = "ovens"  # the account with which they publish
_STALE_SECONDS = 6.0
_KEEPALIVE_SECONDS = 10
_PAUSE_SECONDS = 0.2
_PATIENCE_SECONDS = 0.5
_SILENT = (HttpFault.HANG, HttpFault.UNIT_SILENT)
_NONSENSE = (
    HttpFault.HTTP_403, HttpFault.HTTP_404, HttpFault.HTTP_409, HttpFault.HTTP_429, HttpFault.HTTP_500,
    HttpFault.HTTP_503, HttpFault.HTML, HttpFault.BROKEN_JSON, HttpFault.TOO_LARGE, HttpFault.GARBAGE,
)  # fmt: skip


class MqttOvens:
    """`async with MqttOvens(make_ovens()) as site:`; break one with `site.ovens["sol-1"].fault = "hang"`.

    `stop` takes the broker down with them, and `start` after it brings all back to the same port.
    """

    def __init__(
        self,
        ovens: Mapping[str, ServedOven],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        formats: Mapping[str, str] = FORMATS,
        pace_seconds: float | None = None,
    ) -> None:
        """`pace_seconds`: how often each publishes, if not as often as its control measures."""
        self.ovens = ovens
        self._pace_seconds = pace_seconds
        self._talks: dict[str, Talk] = {key: TALKS[formats.get(key, "json")](oven) for key, oven in ovens.items()}
        self._secret = secrets.token_urlsafe(12)
        self.broker = LocalBroker(self._list_users(()), host=host, port=port)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def port(self) -> int:
        return self.broker.port

    def settings(self, key: str, *, port: int | None = None) -> dict[str, Any]:
        """How our connector reads this oven: endpoint, port, credentials, additional_config."""
        pace = self.ovens[key].spec.sample_seconds
        limits: dict[str, float] = {"timeout": 5 + pace, "interval": pace, "keepalive": _KEEPALIVE_SECONDS}
        if not isinstance(self._talks[key], SparkplugTalk) or pace == 1:
            limits["stale_after"] = pace + _STALE_SECONDS
        return {
            "endpoint": f"mqtt://{self.broker.host}",
            "port": port or self.port,
            "credentials": {"username": key, "password": self.ovens[key].token},
            "additional_config": {**self._talks[key].settings(), **limits, **self._version()},
        }

    def _version(self) -> dict[str, str]:
        """amqtt knows no other, and does not say so."""
        return {} if find_mosquitto() else {"version": "3.1.1"}

    def _list_users(self, refused: Iterable[str]) -> dict[str, str]:
        tokens = {key: oven.token for key, oven in self.ovens.items() if key not in refused}
        return {_OVENS: self._secret, **tokens}

    async def start(self) -> None:
        # Each oven integrates its day on first use; nobody should wait for that.
        await asyncio.to_thread(lambda: [oven.read() for oven in self.ovens.values()])
        await self.broker.start()
        self._tasks = [asyncio.create_task(self._serve(talk)) for talk in self._talks.values()]
        self._tasks.append(asyncio.create_task(self._watch_accounts()))

    async def stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        await end_tasks(tasks)
        await self.broker.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()
        await self.broker.close()

    async def _watch_accounts(self) -> None:
        """A wrong password, on demand: the broker no longer knows the one we have."""
        known: frozenset[str] = frozenset()
        while True:
            refused = frozenset(key for key, oven in self.ovens.items() if oven.fault == HttpFault.HTTP_401)
            if refused != known:
                known = refused
                await self.broker.set_users(self._list_users(refused))
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _serve(self, talk: Talk) -> None:
        while True:
            if talk.oven.fault != HttpFault.REFUSE:
                with suppress(aiomqtt.MqttError):
                    await self._speak(talk)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _speak(self, talk: Talk) -> None:
        """One connection of an oven, until it breaks or is broken off."""
        will = talk.will()
        client = aiomqtt.Client(
            self.broker.host,
            self.port,
            username=_OVENS,
            password=self._secret,
            identifier=f"sim-{talk.key}",
            will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
            keepalive=_KEEPALIVE_SECONDS,
        )
        async with client:
            if talk.commands:
                await client.subscribe(talk.commands, 1)
            await _publish(client, talk.greeting(talk.oven.read()))
            try:
                while talk.oven.fault not in (HttpFault.REFUSE, HttpFault.RESET):
                    await self._say(client, talk)
                    await self._next_sample(talk.oven)
                _cut(client)
                await self._next_sample(talk.oven)
            except asyncio.CancelledError:
                with suppress(aiomqtt.MqttError):
                    await _publish(client, talk.farewell())
                raise

    async def _next_sample(self, oven: ServedOven) -> None:
        pace = self._pace_seconds or oven.spec.sample_seconds
        await asyncio.sleep(pace - time.time() % pace)

    async def _say(self, client: aiomqtt.Client, talk: Talk) -> None:
        fault = talk.oven.fault
        if fault in _SILENT:
            return
        if fault == HttpFault.SLOW:
            await asyncio.sleep(talk.oven.server.slow_seconds)
        while len(client.messages):
            talk.answer(bytes((await anext(client.messages)).payload))
        await _publish(client, [talk.nonsense(str(fault))] if fault in _NONSENSE else talk.say(talk.oven.read()))
        talk.oven.requests += 1
        talk.oven.asked.set()


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel until they end: one that meets aiomqtt as it hangs up or an answer comes can be lost there."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_PATIENCE_SECONDS)


async def _publish(client: aiomqtt.Client, messages: Iterable[Message]) -> None:
    for message in messages:
        await client.publish(message.topic, message.payload, message.qos, message.retain)


def _cut(client: aiomqtt.Client) -> None:
    """Without a word of goodbye, so that the last will is published."""
    line = client._client.socket()
    if isinstance(line, socket.socket):
        line.shutdown(socket.SHUT_RDWR)
