"""The simulated ovens' web servers, as one: every oven under its own path, with its own key and its own faults."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from aiohttp import web

from .faults import FAULTS
from .fleet import FLEET, OvenSpec
from .installation import Installation
from .mappings import connector_settings
from .payloads import write_document, write_status
from .served import ServedOven, make_ovens

_GOODBYE_SECONDS = 0.5


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
        self.ovens = make_ovens(fleet, speed=speed, installation=self.installation, seconds=seconds)
        self.host = host
        self.port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def settings(self, key: str, *, port: int | None = None) -> dict[str, Any]:
        """How our REST connector reaches this oven: endpoint, port, credentials, additional_config."""
        oven = self.ovens[key]
        return connector_settings(oven.spec, f"http://{self.host}:{port or self.port}", oven.token)

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
        if not _accepts(oven, request):
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


def _accepts(oven: ServedOven, request: web.Request) -> bool:
    if oven.spec.auth == "api_key":
        return hmac.compare_digest(request.headers.get("X-API-Key", "").encode(), oven.token.encode())
    return _bears(request, oven.token)


def _bears(request: web.Request, token: str) -> bool:
    return hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())


def _unauthorized() -> web.Response:
    return web.json_response({"error": "unauthorized"}, status=401, headers={"WWW-Authenticate": "Bearer"})
