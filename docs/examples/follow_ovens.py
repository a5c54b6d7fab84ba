"""Follows ovens over the live socket, and says what they do: an example to copy from.

    python follow_ovens.py wss://bakery.example.com/ws/live/ <API token> [slug of a bakery]

Needs the package websockets. What the messages hold is described in docs/websocket.md.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

GIVEN_UP = {4401: "The token is not valid (any more).", 4404: "You are a member of no bakery."}
LONGEST_PAUSE_SECONDS = 60
HEARTBEATS_MISSED = 2


async def follow(address: str, token: str, bakery: str | None = None) -> AsyncIterator[dict[str, Any]]:
    """Every message, over all interruptions. Raises `PermissionError` when there is nothing to come back for."""
    pause = 1.0
    while True:
        try:
            async with connect(address, additional_headers={"Authorization": f"Token {token}"}) as socket:
                if bakery:
                    await socket.send(json.dumps({"subscribe": {"bakeries": [bakery]}}))
                patience = 15.0
                while True:
                    message = json.loads(await asyncio.wait_for(socket.recv(), patience))
                    patience = (HEARTBEATS_MISSED + 1) * message.get("heartbeat_seconds", patience / 3)
                    pause = 1.0
                    yield message
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            if code in GIVEN_UP:
                raise PermissionError(GIVEN_UP[code]) from None
        except (OSError, TimeoutError):
            pass
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def describe(message: dict[str, Any]) -> list[str]:
    """A line for each machine whose state the message holds, and for each open alert."""
    lines = []
    for state in message.get("states", ()):
        temperature = "–" if state["temperature"] is None else f"{state['temperature']:.0f} °C"
        words = [state["equipment_name"], temperature, state["operational_status"] or state["connection_status"]]
        lines.append(" · ".join([*words, *filter(None, [state["active_batch_name"]])]))
    lines += [f"! {alert['message']}" for alert in message.get("alerts", ())]
    return lines


async def main() -> None:
    address, token, *rest = sys.argv[1:]
    async for message in follow(address, token, *rest[:1]):
        for line in describe(message):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
