"""The part of a socket that listens to its viewer: who wants less than everything says so."""

from typing import Any

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer

from telemetry.subscriptions import LONGEST_MESSAGE, Narrowed, SubscriptionError, parse_subscription

MESSAGE_TOO_BIG = 1009


class NarrowingConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Below it stands whatever sends; what goes out passes here. It sends all until the viewer says otherwise."""

    narrowed: Narrowed | None = None

    async def send_all_again(self) -> None:
        """A snapshot, as on connecting."""
        raise NotImplementedError

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if len(text_data or bytes_data or "") > LONGEST_MESSAGE:
            await self.close(MESSAGE_TOO_BIG)
            return
        try:
            subscription = parse_subscription(text_data or "")
        except SubscriptionError as error:
            await super().send(text_data=orjson.dumps({"type": "problem", "detail": str(error)}).decode())
            return
        self.narrowed = Narrowed(subscription)
        await self.send_all_again()

    async def send(self, text_data: str | None = None, **options: Any) -> None:
        if self.narrowed is None or text_data is None:
            await super().send(text_data=text_data, **options)
            return
        for text in self.narrowed.narrow(text_data):
            await super().send(text_data=text, **options)
