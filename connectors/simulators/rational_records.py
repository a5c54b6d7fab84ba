"""ConnectedCooking's published REST interface: HACCP batches and cooking programmes of the simulated units.

Paths, query, headers and limits are the public pages'; the sign-in and some keys of a batch are assumed.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from .cloud import Tokens, WebServer
from .oven import Load
from .rational import serial_number_of
from .served import ServedOven

MONTH = timedelta(days=31)
LATE_CHANGE = timedelta(minutes=30)  # a batch is gone over once more after its end
Item = dict[str, Any]


class ConnectedCookingRecords(WebServer):
    """`batches` and `programmes` are what it would answer: change them; `fault` is a status to answer with."""

    token_path = "/oauth/token"

    def __init__(
        self,
        ovens: Mapping[str, ServedOven],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        days: float = 3,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(host=host, port=port)
        self.client_id, self.client_secret = "api-client", secrets.token_urlsafe(24)
        self.tokens = Tokens(3600)
        self.now = now
        self.fault: int | None = None
        self.largest_page = 100
        self.requests: list[web.Request] = []
        self.batches: list[Item] = []
        self.programmes: list[Item] = []
        for key, oven in ovens.items():
            loads = oven.oven.loads_between(now() - timedelta(days=days), now())
            self.batches += [self.write_batch(key, oven, load) for load in loads]
            for name in sorted({load.product for load in loads}):
                self.programmes.append(self._write_programme(name))

    def list_routes(self) -> list[web.RouteDef]:
        return [
            web.post(self.token_path, self._give_token),
            web.get("/api/public/haccp-service/haccps", self._list_batches),
            web.get("/api/public/cooking-programs", self._list_programmes),
        ]

    def options(self, *, port: int | None = None, **more: Any) -> dict[str, Any]:
        """`additional_config.haccp` that leads here."""
        return {"base_url": f"http://{self.host}:{port or self.port}", "token_url": self.token_path, **more}

    @property
    def credentials(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": self.client_secret}

    def write_batch(self, key: str, oven: ServedOven, load: Load, *, unit: str = "C") -> Item:
        finished = load.ended_at <= self.now()
        changed = min(load.ended_at + LATE_CHANGE, self.now())
        core = 96.5 if unit == "C" else 205.7
        return {
            "id": len(self.batches) + 1,
            "groupId": 1,
            "groupName": oven.spec.bakery.name,
            "haccpId": load.number,
            "name": load.product,
            "applicationVersion": "LM100-11.2.3",
            "expertScriptVersion": "7.4",
            "startDate": _iso(load.started_at),
            "temperatureUnit": unit,
            "deviceName": oven.spec.name,
            "deviceSerialNumber": serial_number_of(key),
            "finished": finished,
            "totalTime": 60 * load.minutes,
            "coreTemperatureReached": finished,
            "updatedAt": _iso(changed),
            "entries": [{"date": _iso(load.started_at), "cabinet": load.target_temperature, "core": core}],
        }

    def _write_programme(self, name: str) -> Item:
        number = len(self.programmes) + 11
        return {
            "id": number,
            "uuid": f"e504fa7b-bfc0-46d0-ba33-3de7395d{number:04d}",
            "name": name,
            "type": "INTELLIGENT" if number % 2 else "MANUAL",
            "groupId": 1,
            "deviceFamilyId": 1,
            "status": "published",
        }

    async def _give_token(self, request: web.Request) -> web.Response:
        given = await request.post()
        secret = str(given.get("client_secret", ""))
        if given.get("grant_type") != "client_credentials" or given.get("client_id") != self.client_id:
            return web.json_response({"error": "invalid_client"}, status=401)
        if not hmac.compare_digest(secret.encode(), self.client_secret.encode()):
            return web.json_response({"error": "invalid_client"}, status=401)
        token = self.tokens.give(self.client_id)
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def _refuse(self, request: web.Request) -> web.Response | None:
        self.requests.append(request)
        if self.fault:
            headers = {"Retry-After": "30"} if self.fault in (429, 503) else {}
            return web.json_response({"error": "simulated"}, status=self.fault, headers=headers)
        if self.tokens.account_of(request) is None:
            return web.json_response({"error": "unauthorized"}, status=401)
        return None

    async def _list_batches(self, request: web.Request) -> web.Response:
        if refused := self._refuse(request):
            return refused
        try:
            found = [dict(batch) for batch in self.batches if self._is_asked_for(batch, request.query)]
            name, direction = request.query.get("sort", "id,asc").split(",")
            found.sort(key=lambda batch: (batch[name] is not None, batch[name]), reverse=direction == "desc")
        except (ValueError, KeyError, TypeError):
            return web.json_response({"error": "bad query"}, status=400)
        if request.query.get("entries", "false") != "true":
            for batch in found:
                batch.pop("entries", None)
        return self._answer_page(request, found, "/api/public/haccp-service/haccp")

    def _is_asked_for(self, batch: Item, query: Mapping[str, str]) -> bool:
        """Only the last month; `from` and `to` are days of the last change, in UTC."""
        changed = datetime.fromisoformat(batch["updatedAt"])
        if "from" in query or "to" in query:
            day = f"{changed.astimezone(UTC):%Y-%m-%d}"
            in_range = datetime.fromisoformat(query["from"]) is not None and query["from"] <= day <= query["to"]
        else:
            in_range = changed > self.now() - timedelta(days=7)
        wanted = batch["finished"] or query.get("incomplete", "false") == "true"
        text = query.get("search", "").casefold()
        names = text in batch["name"].casefold() or text in batch["deviceSerialNumber"].casefold()
        return in_range and wanted and names and changed > self.now() - MONTH

    async def _list_programmes(self, request: web.Request) -> web.Response:
        if refused := self._refuse(request):
            return refused
        try:
            name, direction = request.query.get("sort", "id.asc").split(".")
            found = sorted(self.programmes, key=lambda item: str(item[name]), reverse=direction == "desc")
        except (ValueError, KeyError):
            return web.json_response({"error": "bad query"}, status=400)
        return self._answer_page(request, found, "/api/public/cooking-programs")

    def _answer_page(self, request: web.Request, items: list[Item], path: str) -> web.Response:
        page, size = int(request.query.get("page", 0)), int(request.query.get("size", 20))
        if not 1 <= size <= 100:
            return web.json_response({"error": "bad query"}, status=400)
        size = min(size, self.largest_page)
        last = max(0, (len(items) - 1) // size)
        # As on the public page: relative, another path than the one asked for, and without the filters.
        links = {"next": page + 1} if page < last else {}
        links |= {"last": last, "first": 0}
        link = ",".join(f'<{path}?page={number}&size={size}>; rel="{word}"' for word, number in links.items())
        headers = {"x-total-count": str(len(items)), "link": link}
        return web.json_response(items[page * size : (page + 1) * size], headers=headers)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
