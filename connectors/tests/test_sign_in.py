"""Being let in, in every way we know, and going on when a token ends."""

import asyncio
import base64
from typing import Any

import httpx
import pytest
from aiohttp import web

from connectors import AuthenticationError, ConnectorError, ResponseError, UnreachableError
from connectors.sign_in import TokenRequest, TokenSource

from .machines import GOOD, Machine, always, assert_well, failure_of, serve

LOGIN = {"username": "bäcker", "password": "Brot: 100% ñ"}
CLIENT = {"client_id": "shop", "client_secret": "s3cret&more"}


class Cloud:
    """Gives out numbered tokens; only the last one is good."""

    def __init__(self) -> None:
        self.issued = 0
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.good_password = True
        self.lifetime: Any = 3600
        self.reached = asyncio.Event()
        self.pause = asyncio.Event()
        self.pause.set()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            is_json = request.content_type == "application/json"
            self.asked.append(dict(await request.json() if is_json else await request.post()))
            self.reached.set()
            self.headers.append(dict(request.headers))
            await self.pause.wait()
            if not self.good_password:
                return web.json_response({"error": "invalid_grant"}, status=400)
            self.issued += 1
            return web.json_response({"access_token": f"t{self.issued}", "expires_in": self.lifetime})
        if request.headers.get("Authorization") != f"Bearer t{self.issued}" or not self.issued:
            return web.Response(status=401)
        return web.json_response(GOOD)


SIGN_INS: list[tuple[dict[str, str], dict[str, Any], dict[str, str]]] = [
    (LOGIN, {"sign_in_endpoint": "/login", "sign_in_extra": {"tenant": "a"}}, {**LOGIN, "tenant": "a"}),
    (CLIENT, {"token_url": "/token", "scope": "read"}, {"grant_type": "client_credentials", **CLIENT, "scope": "read"}),
    ({**LOGIN, **CLIENT}, {"token_url": "/token"}, {"grant_type": "password", **LOGIN, **CLIENT}),
]


@pytest.mark.parametrize(("credentials", "options", "sent"), SIGN_INS)
async def test_a_token_is_fetched_once_and_renewed_when_the_machine_refuses_it(
    credentials: dict[str, str], options: dict[str, Any], sent: dict[str, str]
) -> None:
    cloud = Cloud()
    async with serve(cloud) as machine, machine.connector(credentials, **options) as connector:
        for _ in range(3):
            await connector.get_current_reading()
        assert cloud.asked == [sent]
        cloud.issued += 10  # the cloud has forgotten ours
        assert (await connector.get_current_reading()).temperature == 185.5
        assert len(cloud.asked) == 2


async def test_client_credentials_can_travel_as_basic_auth() -> None:
    cloud = Cloud()
    async with serve(cloud) as machine:
        await assert_well(machine.connector(CLIENT, token_url="/token", client_auth="basic"))
        assert cloud.asked == [{"grant_type": "client_credentials"}]
        assert cloud.headers[0]["Authorization"] == "Basic " + base64.b64encode(b"shop:s3cret&more").decode()


async def test_the_sign_in_may_live_at_another_address() -> None:
    cloud = Cloud()
    async with serve(cloud) as accounts, serve(cloud) as machine:
        await assert_well(machine.connector(LOGIN, sign_in_endpoint=f"{accounts.endpoint}/login?v=2"))
        assert accounts.requests[0].path_qs == "/login?v=2"


async def test_all_ovens_of_an_account_share_one_token_request() -> None:
    cloud = Cloud()
    cloud.pause.clear()
    async with serve(cloud) as machine:
        ovens = [machine.connector(LOGIN, sign_in_endpoint="/login") for _ in range(20)]
        reading = asyncio.gather(*map(assert_well, ovens))
        await cloud.reached.wait()
        cloud.pause.set()
        await reading
        assert len(cloud.asked) == 1


async def test_a_wrong_password_is_tried_once_for_all_and_again_when_somebody_asks() -> None:
    cloud = Cloud()
    cloud.good_password = False
    cloud.pause.clear()
    async with serve(cloud) as machine:
        ovens = [machine.connector(LOGIN, sign_in_endpoint="/login") for _ in range(12)]
        failing = asyncio.gather(*map(failure_of, ovens))
        await cloud.reached.wait()  # by then the eleven others wait for the first
        cloud.pause.set()
        for error in await failing:
            assert isinstance(error, AuthenticationError)
            assert "invalid_grant" in str(error)
            assert LOGIN["password"] not in str(error)
        assert len(cloud.asked) == 1
        cloud.good_password = True
        await assert_well(ovens[0])


async def test_a_token_the_machine_never_takes_is_not_fetched_over_and_over() -> None:
    cloud = Cloud()

    async def refuse(request: web.Request) -> web.StreamResponse:
        return await cloud(request) if request.method == "POST" else web.Response(status=401)

    async with serve(refuse) as machine:
        error = await failure_of(machine.connector(LOGIN, sign_in_endpoint="/login"))
        assert (type(error), "refuses the token" in str(error)) == (AuthenticationError, True)
        assert len(cloud.asked) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (always(401), AuthenticationError, "Enter it again"),
        (always(200, text='{"session": "x", "user": "y"}'), ResponseError, "Found: session, user."),
        (always(200, text='{"access_token": "a\\nb"}'), ResponseError, "no token"),
        (always(200, text="<html>"), ResponseError, "web page"),
        (always(302, {"Location": "/elsewhere"}), ResponseError, "HTTP 302"),
        (always(429, {"Retry-After": "9"}), ResponseError, "wait 9 s"),
    ],
)
async def test_a_failed_sign_in_says_why(answer: Any, kind: type[ConnectorError], words: str) -> None:
    async with serve(answer) as machine:
        error = await failure_of(machine.connector(LOGIN, sign_in_endpoint="/login"))
        assert (type(error), words in str(error)) == (kind, True), str(error)


async def test_a_token_lasts_until_a_minute_before_its_end_and_short_ones_half_their_life() -> None:
    now = 0.0
    documents = iter(
        [{"access_token": "a", "expires_in": "3600"}, {"access_token": "b", "expires_in": 20}, {"access_token": "c"}]
    )

    async def ask(request: TokenRequest) -> Any:
        return next(documents)

    source = TokenSource(TokenRequest(url=httpx.URL("http://h")), clock=lambda: now)
    for moment, token in ((0, "a"), (3539, "a"), (3541, "b"), (3550.9, "b"), (3551.1, "c"), (9e9, "c")):
        now = moment
        assert await source.get(ask) == token


async def test_only_the_same_account_at_the_same_address_shares_a_token() -> None:
    cloud = Cloud()
    async with serve(cloud) as machine:
        first = machine.connector(LOGIN, sign_in_endpoint="/login")
        others = [
            machine.connector({**LOGIN, "password": "other"}, sign_in_endpoint="/login"),
            machine.connector(LOGIN, sign_in_endpoint="/login2"),
        ]
        async with first:
            for number, other in enumerate(others, start=2):
                await other.connect()
                assert len(cloud.asked) == number
                await other.close()
            async with machine.connector(LOGIN, sign_in_endpoint="/login"):
                assert len(cloud.asked) == 3


async def test_a_cancelled_token_request_is_taken_over_by_the_next() -> None:
    source = TokenSource(TokenRequest(url=httpx.URL("http://h")))
    started = asyncio.Event()

    async def hang(request: TokenRequest) -> Any:
        started.set()
        await asyncio.Event().wait()

    async def answer(request: TokenRequest) -> Any:
        return {"access_token": "t"}

    async def fail(request: TokenRequest) -> Any:
        raise UnreachableError("away")

    with pytest.raises(UnreachableError):
        await source.get(fail)
    first = asyncio.create_task(source.get(hang))
    await started.wait()
    second = asyncio.create_task(source.get(answer))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "t"


async def test_no_way_to_sign_in_shows_its_secrets() -> None:
    for credentials, options, _ in SIGN_INS:
        connector = Machine(port=1).connector(credentials, **options)
        shown = repr(connector.config) + repr(connector.make_access()) + repr(vars(connector))  # type: ignore[attr-defined]
        assert "100%" not in shown
        assert "s3cret" not in shown
