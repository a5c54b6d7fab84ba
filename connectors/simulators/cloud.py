"""A maker's cloud: an account per oven, tokens that expire, and the state of each oven behind them.

User name is the oven's key, the password its token. Subclasses bring the paths and the words.
"""

import asyncio
import hmac
import json
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Self

from aiohttp import web

from connectors.reading import Reading

from .served import ServedOven

_GOODBYE_SECONDS = 0.5
# What goes wrong with the cloud itself already shows when signing in; the others are about one oven.
_CLOUD_FAULTS = ("hang", "slow", "refuse", "reset", "http_401", "http_429", "http_500", "html", "broken_json")


class WebServer(ABC):
    """An aiohttp application on loopback. `start` after `stop` takes the same port."""

    def __init__(self, *, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._runner: web.AppRunner | None = None

    @abstractmethod
    def list_routes(self) -> list[web.RouteDef]: ...

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def start(self) -> None:
        application = web.Application()
        application.add_routes(self.list_routes())
        runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=_GOODBYE_SECONDS
        )
        await runner.setup()
        self._runner = runner
        await web.TCPSite(runner, self.host, self.port, reuse_address=True).start()
        self.port = runner.addresses[0][1]

    async def stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()


class Tokens:
    """Bearer tokens and whose they are."""

    def __init__(self, lifetime_seconds: float) -> None:
        self.lifetime_seconds = lifetime_seconds
        self._given: dict[str, tuple[str, float]] = {}

    def give(self, account: str) -> str:
        token = secrets.token_urlsafe(24)
        self._given[token] = (account, time.monotonic() + self.lifetime_seconds)
        return token

    def account_of(self, request: web.Request) -> str | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        account, until = self._given.get(token, ("", 0.0))
        return account if scheme == "Bearer" and time.monotonic() < until else None

    def forget(self) -> None:
        """All of them end now, before the time that was promised."""
        self._given.clear()


class CloudOvens(WebServer):
    """`async with WachtelOvens(make_ovens()) as cloud:`; break one with `cloud.ovens["sol-2"].fault = "http_503"`."""

    token_seconds = 1800.0

    def __init__(self, ovens: Mapping[str, ServedOven], *, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(host=host, port=port)
        self.ovens = {key: oven for key, oven in ovens.items() if self.serves(oven)}
        self.fahrenheit = False
        self.tokens = Tokens(self.token_seconds)
        self.sign_ins = 0

    async def start(self) -> None:
        # Each oven integrates its day on first use; a client should not wait for that.
        await asyncio.to_thread(lambda: [oven.read() for oven in self.ovens.values()])
        await super().start()

    @abstractmethod
    def serves(self, oven: ServedOven) -> bool:
        """Is it of the kind that this maker builds?"""

    @abstractmethod
    def write_token(self, token: str) -> dict[str, Any]: ...

    @abstractmethod
    def write_state(self, key: str, reading: Reading) -> dict[str, Any]: ...

    @abstractmethod
    def settings(self, key: str, *, port: int | None = None) -> dict[str, Any]:
        """What our connector needs to read this oven; `port` leads through a proxy."""

    def refuse_foreign(self) -> web.Response:
        """What an account hears about a machine that is not its own."""
        return web.json_response({"error": "unknown machine"}, status=404)

    def temperature(self, value: float | None) -> float | None:
        return round(value * 9 / 5 + 32, 2) if self.fahrenheit and value is not None else value

    def connector_settings(self, key: str, path: str, port: int | None, options: dict[str, Any]) -> dict[str, Any]:
        return {
            "endpoint": f"http://{self.host}:{port or self.port}{path}",
            "port": None,
            "credentials": {"username": key, "password": self.ovens[key].token},
            "additional_config": {"timeout": 5, **options},
        }

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        self.sign_ins += 1
        try:
            given = json.loads(await request.read())
            name, password = str(given["username"]), str(given["password"])
        except (ValueError, KeyError, TypeError):
            return web.json_response({"error": "send username and password"}, status=400)
        oven = self.ovens.get(name)
        if oven is None or not hmac.compare_digest(password.encode(), oven.token.encode()):
            return web.json_response({"error": "wrong user name or password"}, status=401)
        oven.asked.set()
        body = json.dumps(self.write_token(self.tokens.give(name))).encode()
        if oven.server.fault in _CLOUD_FAULTS and (faulty := await oven.server.answer(request, body)):
            return faulty
        return web.Response(body=body, content_type="application/json")

    async def get_state(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        return await self.answer(request, key, lambda oven: self.write_state(key, oven.read()))

    async def answer(
        self, request: web.Request, key: str, write: Callable[[ServedOven], dict[str, Any]]
    ) -> web.StreamResponse:
        oven = self.ovens.get(key)
        if oven is not None:
            oven.requests += 1
            oven.asked.set()
        if (account := self.tokens.account_of(request)) is None:
            return web.json_response({"error": "sign in"}, status=401, headers={"WWW-Authenticate": "Bearer"})
        if oven is None:
            return web.json_response({"error": "unknown machine"}, status=404)
        if account != key:
            return self.refuse_foreign()
        if faulty := await oven.server.answer(request, _encode(write(oven))):
            return faulty
        return web.Response(body=_encode(oven.server.spoil(write(oven))), content_type="application/json")


def _encode(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def cycle_seconds(reading: Reading) -> tuple[float, int]:
    """Set and remaining seconds that give the reading's progress and minutes again; 0 and -1 where nothing runs."""
    minutes, progress = reading.time_remaining_minutes, reading.cycle_progress_percentage
    if minutes is None or progress is None:
        return 0, -1
    left = 60 * minutes
    return (round(left / (1 - min(progress, 99.9) / 100), 2), left) if left else (600, 0)


def iso(reading: Reading) -> str:
    return reading.reading_time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
