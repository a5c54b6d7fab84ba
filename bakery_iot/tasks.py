"""Housekeeping of what Django and its libraries leave behind."""

from celery import shared_task
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from knox.models import AuthToken
from redis import Redis

from bakery_iot.data_rights.jobs import drop_old_exports, run_jobs
from equipment.idempotency import forget_answers
from equipment.models import Gateway

TICKS_KEPT = 100


@shared_task
def clear_expired() -> None:
    call_command("clearsessions")
    AuthToken.objects.filter(expiry__lt=timezone.now()).delete()
    forget_answers()
    drop_old_exports()


@shared_task
def run_data_jobs() -> None:
    """Export and delete what people have asked for."""
    run_jobs()


@shared_task
def drop_stale_ticks() -> None:
    """A gateway without a poll worker: beat goes on ticking, and only whoever takes a tick sees that it has expired.

    The newest stay, and with them any connection test that somebody still waits for.
    """
    with Redis.from_url(settings.REDIS_URL) as redis:
        for gateway in Gateway.objects.all():
            redis.ltrim(gateway.queue, 0, TICKS_KEPT - 1)
