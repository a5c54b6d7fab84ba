"""How sending can fail, sorted by what to do next, whatever the channel."""

from datetime import timedelta


class DeliveryError(Exception):
    """A message did not arrive. The text is a sentence for the row's result, and holds no secret."""

    retry = True  # will it be tried again?
    is_shared = False  # does it concern every message for this receiver, so that the others need not be tried now?

    def __init__(self, sentence: str, *, pause: timedelta | None = None) -> None:
        super().__init__(sentence)
        self.pause = pause  # what the receiver asked for


class ReceiverAwayError(DeliveryError):
    """The mail server, push service or webhook cannot be reached, or answers with nonsense."""

    is_shared = True


class TryLaterError(DeliveryError):
    """This message was refused for now."""


class RefusedError(DeliveryError):
    """This message will never be taken."""

    retry = False
