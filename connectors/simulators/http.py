"""The simulated ovens' web servers, as one: every oven under its own path, with its own key and its own faults."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self

from aiohttp import web

from connectors.reading import Reading

from .faults import FAULTS, HttpFault, Misbehaviour
from .fleet import FLEET, OvenSpec
from .installation import Installation
from .mappings import connector_settings
from .oven import PhysicalFault
from .payloads import write_document, write_status
from .simulated import SimulatedOven

_GOODBYE_SECONDS = 0.5


class ServedOven:
    """One oven and its web server. Set `fault` to a word of `FAULTS`, or to None; `asked` tells of a request."""

    def __init__(self, spec: OvenSpec, token: str, clock: "Clock") -> None:
        self.spec = spec
        self.token = token
        self.oven = SimulatedOven(spec, clock.epoch)
        self.server = Misbehaviour()
        self.requests = 0
        self.asked = asyncio.Event()
        self._clock = clock

    @property
    def fault(self) -> str | None:
        found = self.server.fault or self.oven.oven.fault
        return str(found) if found else None

    @fault.setter
    def fault(self, word: str | None) -> None:
        if word is not None and word not in FAULTS:
            raise ValueError(f"There is no fault {word!r}. Choose one of: {', '.join(sorted(FAULTS))}.")
        found = FAULTS[word] if word else None
        self.server.set(found if isinstance(found, HttpFault) else None, self._clock.now())
        physical = found if isinstance(found, PhysicalFault) else None
        self.oven.oven.set_fault(physical, self._clock.model_time(self._clock.now()).timestamp())

    def read(self) -> Reading:
        """The newest values of the control: it measures at its own pace, however often it is asked."""
        pace = self.spec.sample_seconds
        sampled = datetime.fromtimestamp(self._clock.now().timestamp() // pace * pace, UTC)
        reading = self.oven.read(self._clock.model_time(sampled))
        return replace(reading, reading_time=self.server.reported_time(sampled))

    def accepts(self, request: web.Request) -> bool:
        if self.spec.auth == "api_key":
            return hmac.compare_digest(request.headers.get("X-API-Key", "").encode(), self.token.encode())
        return _bears(request, self.token)


class Clock:
    """Wall clock, and the time of the ovens, which may run faster. Readings carry the wall clock's."""

    def __init__(self, epoch: datetime, speed: float, seconds: Callable[[], float]) -> None:
        self.epoch = epoch
        self._speed = speed
        self._seconds = seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._seconds(), UTC)

    def model_time(self, moment: datetime) -> datetime:
        return self.epoch + (moment - self.epoch) * self._speed


class SimulatedBakery:
    """`async with SimulatedBakery() as bakery:` serves the fleet at `bakery.url`.

    Break an oven with `bakery.ovens["sol-1"].fault = "hang"`, all of them with `stop`; `start` takes the same port.
    """

    def __init__(
        self,
        fleet: Sequence[OvenSpec] = FLEET,
        *,
        speed: float = 1,
        installation: Installation | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        started = datetime.fromtimestamp(seconds(), UTC)
        self.installation = installation or Installation.new((spec.key for spec in fleet), started)
        clock = Clock(self.installation.epoch, speed, seconds)
        self.ovens: Mapping[str, ServedOven] = {
            spec.key: ServedOven(spec, self.installation.tokens[spec.key], clock) for spec in fleet
        }
        self.host = host
        self.port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def settings(self, key: str) -> dict[str, Any]:
        """How our REST connector reaches this oven: endpoint, port, credentials, additional_config."""
        oven = self.ovens[key]
        return connector_settings(oven.spec, self.url, oven.token)

    async def start(self) -> None:
        # Each oven integrates its day on first use; a client should not wait for that.
        await asyncio.to_thread(lambda: [oven.read() for oven in self.ovens.values()])
        application = web.Application()
        application.add_routes(
            [
                web.get("/ovens/{key}/data", self._get_data),
                web.get("/ovens/{key}/status", self._get_status),
                web.get("/control", self._list_faults),
                web.post("/control/{key}", self._set_fault),
            ]
        )
        runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=_GOODBYE_SECONDS
        )
        await runner.setup()
        self._runner = runner
        site = web.TCPSite(runner, self.host, self.port, reuse_address=True)
        await site.start()
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

    async def _get_data(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, lambda oven: write_document(oven.spec.shape, oven.spec.key, oven.read()))

    async def _get_status(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, lambda oven: write_status(oven.spec.key, oven.read()))

    async def _answer(self, request: web.Request, write: Callable[[ServedOven], dict[str, Any]]) -> web.StreamResponse:
        oven = self.ovens.get(request.match_info["key"])
        if oven is None:
            return web.json_response({"error": "unknown oven"}, status=404)
        oven.requests += 1
        oven.asked.set()
        if not oven.accepts(request):
            return _unauthorized()
        if faulty := await oven.server.answer(request, _encode(write(oven))):
            return faulty
        body = _encode(oven.server.spoil(write(oven)))
        tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type="application/json", headers=headers)

    async def _list_faults(self, request: web.Request) -> web.Response:
        if not _bears(request, self.installation.control_token):
            return _unauthorized()
        ovens = {key: oven.fault for key, oven in self.ovens.items()}
        requests = {key: oven.requests for key, oven in self.ovens.items()}
        return web.json_response({"ovens": ovens, "requests": requests, "faults": sorted(FAULTS)})

    async def _set_fault(self, request: web.Request) -> web.Response:
        """{"fault": "hang"}, or null to repair it."""
        if not _bears(request, self.installation.control_token):
            return _unauthorized()
        oven = self.ovens.get(request.match_info["key"])
        if oven is None:
            return web.json_response({"error": f"The ovens are: {', '.join(self.ovens)}."}, status=404)
        try:
            oven.fault = (await request.json())["fault"]
        except (ValueError, KeyError, TypeError):
            error = f'Send {{"fault": null}}, or one of: {", ".join(sorted(FAULTS))}.'
            return web.json_response({"error": error}, status=400)
        return web.json_response({"oven": oven.spec.key, "fault": oven.fault})


def _encode(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _bears(request: web.Request, token: str) -> bool:
    return hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())


def _unauthorized() -> web.Response:
    return web.json_response({"error": "unauthorized"}, status=401, headers={"WWW-Authenticate": "Bearer"})
