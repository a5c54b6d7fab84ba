"""The health checks of the containers: of beat, which looks at what beat wrote down, and of the web process."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from bakery_iot import healthcheck
from bakery_iot.loopback import free_port

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.now() - timedelta(minutes=11)


@pytest.fixture
def tick() -> PeriodicTask:
    every_second, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.all().update(enabled=False)
    return PeriodicTask.objects.create(name="Tick of a test", task="a.task", interval=every_second)


def test_a_tick_that_was_just_made_may_still_be_silent(tick: PeriodicTask) -> None:
    call_command("check_beat")


def test_a_tick_that_was_never_sent_fails_and_is_named(tick: PeriodicTask) -> None:
    PeriodicTask.objects.filter(pk=tick.pk).update(date_changed=LONG_AGO)
    with pytest.raises(CommandError, match=r"Not sent for ten minutes: Tick of a test\. Is beat running\?"):
        call_command("check_beat")


def test_a_tick_that_stopped_fails_and_is_well_again_once_it_is_sent(tick: PeriodicTask) -> None:
    row = PeriodicTask.objects.filter(pk=tick.pk)
    row.update(date_changed=LONG_AGO, last_run_at=LONG_AGO)
    with pytest.raises(CommandError):
        call_command("check_beat")
    row.update(last_run_at=timezone.now())
    call_command("check_beat")


def test_a_tick_that_was_switched_off_is_not_missed(tick: PeriodicTask) -> None:
    PeriodicTask.objects.filter(pk=tick.pk).update(date_changed=LONG_AGO, enabled=False)
    call_command("check_beat")


def test_the_check_of_the_web_process_fails_where_nobody_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    monkeypatch.setenv("UVICORN_PORT", str(port))
    assert healthcheck.main() == 1
    assert f"http://127.0.0.1:{port}/health: " in capsys.readouterr().err
