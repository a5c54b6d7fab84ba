"""What a rule would have done with what was really read, and how it is shown in the admin."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from alerts.compiling import compile_machines, with_plans
from alerts.dry_run import replay
from alerts.inheritance import explain
from alerts.models import Alert, AlertRule
from alerts.tests.kitchen import START, say_for
from connectors.reading import DoorStatus, OperationalStatus
from equipment.models import Equipment
from equipment.tests.browsers import signed_in
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.partitions import create_partitions

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    return make_user("manager")


@pytest.fixture
def oven(ana: User) -> Equipment:
    create_partitions(START - timedelta(days=7), START + timedelta(days=21))
    return make_equipment(make_bakery(ana), name="Deck 2", poll_interval_seconds=30, iot_enabled=True)


def test_it_finds_what_the_rule_has_really_done_and_advises_patience(oven: Equipment) -> None:
    AlertRule.objects.create(equipment=oven, alert_type="door_open", on_delay_seconds=60, clear_delay_seconds=30)
    at = START
    for minutes in (2, 2, 20):
        at = say_for(oven, at, minutes, door_status=DoorStatus.OPEN)
        at = say_for(oven, at, 3, door_status=DoorStatus.CLOSED, operational_status=OperationalStatus.IDLE)
    (watched,) = compile_machines(with_plans(Equipment.objects.all()))
    rule = next(rule for rule in watched.rules if rule.cause == "door_open")
    before = Alert.objects.count()
    run = replay(watched, rule, 7, at)
    assert len(run.episodes) == before == 3
    assert run.by_state == [("running", 3)]
    assert run.advice is not None and (run.advice.on_delay, run.advice.firings) == (120.0, 1)
    assert Alert.objects.count() == before, "nothing is written"
    patient = replace(rule, on_delay=run.advice.on_delay)
    assert replay(watched, patient, 7, at).advice is None


def test_a_rule_shows_where_each_of_its_values_comes_from(oven: Equipment) -> None:
    AlertRule.objects.create(alert_type="door_open", severity="info", on_delay_seconds=60)
    AlertRule.objects.create(bakery=oven.bakery, alert_type="door_open", on_delay_seconds=90)
    row = AlertRule.objects.create(equipment=oven, alert_type="door_open", enabled=False)
    shown = {one.label: (one.texts, one.winner) for one in explain(row)}
    assert shown["Severity"] == (("warning", "info", "–", "–"), "All bakeries")
    assert shown["On delay seconds"] == (("600", "60", "90", "–"), "Bakery")
    assert shown["Enabled"] == (("yes", "–", "–", "no"), "Machine")


def test_a_manager_tries_a_rule_in_the_admin_and_a_stranger_finds_nothing(oven: Equipment, ana: User) -> None:
    row = AlertRule.objects.create(equipment=oven, alert_type="door_open")
    say_for(oven, START, 12, door_status=DoorStatus.OPEN)
    where = reverse("admin:alerts_alertrule_dry_run", args=[row.pk])
    browser = signed_in(ana)
    assert "Deck 2" in browser.get(where).content.decode()
    assert browser.get(f"{where}?days=30&machine={oven.pk}").status_code == 200
    assert browser.get(f"{where}?machine=x").status_code == 404
    change = browser.get(reverse("admin:alerts_alertrule_change", args=[row.pk])).content.decode()
    assert "Last 30 days" in change and "All bakeries" in change
    outsider = make_user("manager")
    make_bakery(outsider)
    assert signed_in(outsider).get(where).status_code == 404
    assert signed_in(outsider).get(f"{where}?machine={oven.pk}").status_code == 404


def test_only_an_administrator_sets_rules_for_the_whole_chain(oven: Equipment, ana: User) -> None:
    posted = {"alert_type": "door_open", "metric": "", "enabled": "unknown", "only_in_plan": "unknown"}
    add = reverse("admin:alerts_alertrule_add")
    answer = signed_in(ana).post(add, posted)
    assert "Choose a bakery or a machine" in answer.content.decode()
    root = make_user(is_superuser=True, is_staff=True)
    assert signed_in(root).post(add, posted).status_code == 302
    assert AlertRule.objects.get().bakery is None
