"""Tells people what is new of an alert. The rows wait in `AlertEvent` until a channel has taken them."""


def send_notifications() -> None:
    """No channel is set up yet: what is to be announced keeps waiting."""
