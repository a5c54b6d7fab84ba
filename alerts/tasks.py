"""Doors for Celery: the timers of the rules, and the messages that wait."""

from celery import shared_task

from alerts import notifications, patrol


@shared_task
def send_notifications() -> None:
    """Send what waits. Nudged by every change, and sent by beat anyway: a nudge may get lost."""
    notifications.send_notifications()


@shared_task
def look_around() -> None:
    """Judge what only the clock can tell."""
    patrol.look_around()
