"""What one viewer of the socket wants to hear: all, or what it has named. Pure.

Messages are made once for all viewers; whoever has narrowed its own pays for it by having them read and written again.
"""

from collections.abc import Iterable
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.validation import describe_validation_error

LONGEST_MESSAGE = 100_000
Kind = Literal["states", "batches", "alerts", "connection_events"]
BATCH_KEYS = (
    "active_batch_id",
    "active_batch_name",
    "batch_target_temperature",
    "batch_started_at",
    "batch_expected_minutes",
)
_KIND_OF_TYPE = {"states": "states", "alerts": "alerts", "connection_event": "connection_events"}


class SubscriptionError(ValueError):
    """The sentence says what is wrong with the viewer's message."""


class Subscription(BaseModel):
    """Empty lists mean all. What is not the viewer's own is not sent, whether it is named or not."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)

    bakeries: list[str] = Field(default=[], max_length=1000, description="Slugs")
    equipment: list[str] = Field(default=[], max_length=10_000, description="Ids")
    kinds: list[Kind] = []

    def has(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds

    def concerns(self, found: dict[str, Any]) -> bool:
        """A state, an alert or a bakery. An alert of a bakery as a whole has no machine."""
        bakery = found.get("bakery", found.get("slug"))
        machine = found.get("equipment_id")
        if self.bakeries and bakery is not None and bakery not in self.bakeries:
            return False
        return not self.equipment or machine is None or machine in self.equipment


def parse_subscription(text: str) -> Subscription:
    """The subscription in a viewer's message: `{"subscribe": {…}}`. Raises `SubscriptionError`."""
    try:
        message = orjson.loads(text) if len(text) <= LONGEST_MESSAGE else None
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict) or list(message) != ["subscribe"]:
        raise SubscriptionError('This socket understands one message: {"subscribe": {"bakeries": ["sol"]}}.')
    try:
        return Subscription.model_validate(message["subscribe"])
    except ValidationError as error:
        found = describe_validation_error(error, Subscription, noun="key")
        raise SubscriptionError(" ".join(f"{path}: {text}" for path, text in found.items())) from None


class Narrowed:
    """One viewer's messages by its subscription; it remembers the batches it was told of."""

    def __init__(self, subscription: Subscription) -> None:
        self.wanted = subscription
        self.batches: dict[str, tuple[Any, ...]] = {}

    def narrow(self, text: str) -> list[str]:
        """What is left of a message for this viewer: none, one or two messages."""
        message = orjson.loads(text)
        kind = message["type"]
        if kind == "snapshot":
            return [_encode(self._narrow_snapshot(message))]
        if kind == "states":
            return [_encode(found) for found in self._narrow_states(message)]
        if not self.wanted.has(_KIND_OF_TYPE.get(kind, kind)) and kind in _KIND_OF_TYPE:
            return []
        if kind == "alerts":
            alerts = self._keep(message["alerts"])
            return [_encode({**message, "alerts": alerts})] if self.wanted.concerns(message) else []
        if kind == "connection_event":
            return [text] if self.wanted.concerns(message["event"]) else []
        return [text]

    def _keep(self, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for one in found if self.wanted.concerns(one)]

    def _narrow_snapshot(self, message: dict[str, Any]) -> dict[str, Any]:
        states = self._keep(message["states"])
        self.batches = {state["equipment_id"]: _batch_of(state) for state in states}
        narrowed = {**message, "bakeries": self._keep(message["bakeries"]), "states": states}
        if "alerts" in message:
            narrowed["alerts"] = self._keep(message["alerts"]) if self.wanted.has("alerts") else []
        return narrowed

    def _narrow_states(self, message: dict[str, Any]) -> Iterable[dict[str, Any]]:
        states = self._keep(message["states"])
        if states and self.wanted.has("states"):
            yield {**message, "states": states}
        changed = [state for state in states if self.batches.get(state["equipment_id"]) != _batch_of(state)]
        self.batches |= {state["equipment_id"]: _batch_of(state) for state in changed}
        if changed and "batches" in self.wanted.kinds:
            keys = ("equipment_id", "equipment_name", "bakery", *BATCH_KEYS)
            batches = [{key: state[key] for key in keys} for state in changed]
            yield {"time": message["time"], "type": "batches", "batches": batches}


def _batch_of(state: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(state[key] for key in BATCH_KEYS)


def _encode(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()
