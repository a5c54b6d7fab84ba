"""Bearer, key, basic and digest: what a request carries, and where."""

import base64
import hashlib
import re

import pytest
from aiohttp import web

from connectors import AuthenticationError

from .machines import GOOD, always, assert_well, failure_of, serve

LOGIN = {"username": "bäcker", "password": "Brot: 100% ñ"}


async def test_bearer_key_and_prefix_go_where_the_settings_say() -> None:
    async with serve() as machine:
        await assert_well(machine.connector({"token": "abc"}, token_header="X-Auth-Token", token_prefix=""))
        assert machine.requests[-1].headers["X-Auth-Token"] == "abc"
        await assert_well(machine.connector({"api_key": "k"}, api_key_name="X-Oven"))
        assert machine.requests[-1].headers["X-Oven"] == "k"
        await assert_well(machine.connector({"api_key": "k&1"}, api_key_in="query", data_endpoint="/d?fmt=a,b"))
        assert machine.requests[-1].rel_url.raw_query_string == "fmt=a,b&api_key=k%261"
        await assert_well(machine.connector({"api_key": "k", "token": "t"}, auth="none", headers={"X-Tenant": "7"}))
        assert not {"X-API-Key", "Authorization"} & set(machine.requests[-1].headers)
        assert machine.requests[-1].headers["X-Tenant"] == "7"


async def test_basic_auth_carries_umlauts() -> None:
    async def check(request: web.Request) -> web.StreamResponse:
        expected = base64.b64encode(f"{LOGIN['username']}:{LOGIN['password']}".encode()).decode()
        good = request.headers.get("Authorization") == f"Basic {expected}"
        return web.json_response(GOOD) if good else web.Response(status=401)

    async with serve(check) as machine:
        assert (await failure_of(machine.connector({"username": "bäcker", "password": "falsch"}))).code == "auth"
        await assert_well(machine.connector(LOGIN))


def _digest(*parts: str) -> str:
    return hashlib.sha256(":".join(parts).encode()).hexdigest()


async def _ask_for_digest(request: web.Request) -> web.StreamResponse:
    sent = dict(re.findall(r'(\w+)="?([^",]+)"?', request.headers.get("Authorization", "")))
    if sent:
        user, place = _digest("oven", "bake", "warm"), _digest("GET", request.path_qs)
        expected = _digest(user, "n0nce", sent["nc"], sent["cnonce"], "auth", place)
        if sent["response"] == expected and sent["uri"] == request.path_qs:
            return web.json_response(GOOD)
    challenge = 'Digest realm="bake", nonce="n0nce", qop="auth", algorithm=SHA-256'
    return web.Response(status=401, headers={"WWW-Authenticate": challenge}, body=b"x" * 5000)


async def test_digest_answers_the_challenge_and_covers_the_query() -> None:
    login = {"username": "oven", "password": "warm"}
    async with serve(_ask_for_digest) as machine:
        connector = machine.connector(login, auth="digest", data_endpoint="/data?unit=1")
        async with connector:
            for _ in range(3):
                await connector.get_current_reading()
        assert len(machine.requests) == 4, "only the first reading needs the challenge"
        error = await failure_of(machine.connector({**login, "password": "cold"}, auth="digest"))
        assert (type(error), error.code) == (AuthenticationError, "auth")


@pytest.mark.parametrize("rest", ['qop="auth-int"', 'algorithm="ROT13"', ""])
async def test_a_digest_we_do_not_know_names_the_way_out(rest: str) -> None:
    challenge = f'Digest nonce="n", {rest}' if not rest else f'Digest realm="r", nonce="n", {rest}'
    async with serve(always(401, {"WWW-Authenticate": challenge})) as machine:
        error = await failure_of(machine.connector({"username": "u", "password": "p"}, auth="digest"))
        assert "additional_config.auth to basic" in str(error)
