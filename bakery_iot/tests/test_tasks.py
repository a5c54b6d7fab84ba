import gc
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone
from knox.models import AuthToken
from redis import Redis

from bakery_iot.celery import start_collector
from bakery_iot.tasks import TICKS_KEPT, clear_expired, drop_stale_ticks
from equipment.tests.factories import make_gateway, make_user
from telemetry.tasks import poll_due_equipment

pytestmark = pytest.mark.django_db


def test_expired_sessions_and_tokens_are_forgotten_and_the_others_stay() -> None:
    now = timezone.now()
    for name, expires in (("old", now - timedelta(days=1)), ("new", now + timedelta(days=1))):
        Session.objects.create(session_key=name, session_data="", expire_date=expires)
        AuthToken.objects.create(make_user(username=name), expiry=expires - now)
    AuthToken.objects.create(make_user(username="for ever"), expiry=None)
    clear_expired()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]
    assert set(AuthToken.objects.values_list("user__username", flat=True)) == {"new", "for ever"}


def test_the_ticks_of_a_gateway_without_a_poll_worker_do_not_fill_redis() -> None:
    queue = make_gateway("deserted").queue
    with Redis.from_url(settings.REDIS_URL) as redis:
        try:
            for _ in range(TICKS_KEPT + 20):
                poll_due_equipment.apply_async(queue=queue, expires=1)
            drop_stale_ticks()
            assert redis.llen(queue) == TICKS_KEPT
        finally:
            redis.delete(queue)


def test_only_a_poll_worker_has_python_search_for_garbage_rarely() -> None:
    app = SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=("celery",))))
    before = gc.get_threshold(), gc.get_freeze_count()
    start_collector(sender=SimpleNamespace(app=app))
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
