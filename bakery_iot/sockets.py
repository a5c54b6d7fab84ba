"""Who is at the other end of a websocket: a session from a page, or an API token from an integrator.

The inner application finds the user in `scope["user"]`, and in `scope["find_user"]` a way to ask again later: a
socket outlives the sign-in that opened it.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable
from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import SessionMiddlewareStack
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from rest_framework.exceptions import AuthenticationFailed

from equipment.api_clients import find_token_owner

TOO_MANY = 4429


class SocketAuthentication:
    """An `Authorization: Token …` header counts before the session, and needs no `Origin`: no browser sends it unasked.

    A token in the address would end up in the logs of every proxy on the way, so it is not looked for there.
    """

    def __init__(self, inner: ASGI3Application) -> None:
        self.inner = inner
        self.sockets: Counter[int] = Counter()  # open ones, by user
        self.with_session = AllowedHostsOriginValidator(SessionMiddlewareStack(self._authenticate))

    async def __call__(self, scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        by_token = _token_of(scope) is not None
        await (self._authenticate if by_token else self.with_session)(scope, receive, send)

    async def _authenticate(self, scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        find_user = _finder(scope)
        user = await find_user()
        known: Any = {**scope, "user": user, "find_user": find_user}
        if user.pk is None:  # anonymous: told so and closed at once
            await self.inner(known, receive, send)
        elif self.sockets[user.pk] >= settings.MOST_SOCKETS_PER_USER:
            await _refuse(receive, send)
        else:
            self.sockets[user.pk] += 1
            try:
                await self.inner(known, receive, send)
            finally:
                self.sockets[user.pk] -= 1


async def _refuse(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """A browser is told the close code only after the socket was accepted."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
    reason = "You have too many live pages open. Close some of them."
    await send({"type": "websocket.close", "code": TOO_MANY, "reason": reason})


def _finder(scope: Any) -> Callable[[], Awaitable[Any]]:
    if (token := _token_of(scope)) is not None:
        return lambda: database_sync_to_async(_user_of_token)(token)
    session_key = scope["session"].session_key

    async def find_by_session() -> Any:
        # A new store each time: a store remembers what it has read once.
        return await get_user({"session": SessionStore(session_key)})

    return find_by_session


def _token_of(scope: Any) -> bytes | None:
    scheme, _, token = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
    return token.strip() if scheme.lower() in (b"token", b"bearer") else None


def _user_of_token(token: bytes) -> Any:
    try:
        user, _ = find_token_owner(token)
    except AuthenticationFailed:
        return AnonymousUser()
    return user
