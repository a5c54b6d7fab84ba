import pytest
from celery import current_app
from django_celery_beat.models import PeriodicTask

from bakery_iot.timetable import TICK, TIMETABLE, seed_timetable
from equipment.models import Gateway

pytestmark = pytest.mark.django_db


def test_every_entry_names_a_task_that_exists() -> None:
    current_app.loader.import_default_modules()
    for entry in (TICK, *TIMETABLE.values()):
        assert entry.task in current_app.tasks


def test_a_new_gateway_ticks_each_second_on_its_own_queue_and_a_late_tick_expires() -> None:
    gateway = Gateway.objects.create(name="Shop", slug="shop")
    tick = PeriodicTask.objects.get(queue=gateway.queue)
    assert (tick.task, tick.interval.every, tick.interval.period, tick.expire_seconds) == (TICK.task, 1, "seconds", 1)


def test_what_somebody_has_changed_stays() -> None:
    seed_timetable()
    changed = PeriodicTask.objects.get(task="telemetry.tasks.maintain_storage")
    changed.enabled = False
    changed.save()
    seed_timetable()
    assert PeriodicTask.objects.get(task="telemetry.tasks.maintain_storage").enabled is False
    assert PeriodicTask.objects.count() == len(TIMETABLE) + Gateway.objects.count()
