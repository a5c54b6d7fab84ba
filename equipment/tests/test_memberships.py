"""Belonging to a bakery, for good or for a time."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils import timezone

from equipment.models import BakeryMembership
from equipment.roles import ROLES, SERVICE_PARTNER
from equipment.selectors import bakeries_for, colleagues_of, members_of
from equipment.tests.browsers import page, signed_in
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
SOON = timedelta(hours=1)


def test_a_membership_ends_by_itself() -> None:
    partner, staff = make_user(SERVICE_PARTNER), make_user("staff")
    bakery = make_bakery(staff)
    membership = bakery.memberships.create(user=partner, until=timezone.now() + SOON)
    assert list(bakeries_for(partner)) == [bakery]
    assert set(members_of(bakery)) == set(colleagues_of(staff)) == {partner, staff}
    membership.until = timezone.now()
    membership.save()
    assert not bakeries_for(partner).exists()
    assert set(members_of(bakery)) == set(colleagues_of(staff)) == {staff}
    assert signed_in(partner).get("/").status_code == 404
    assert signed_in(partner).get("/api/v1/equipment").status_code == 404


def test_the_end_of_one_membership_is_not_that_of_another() -> None:
    partner = make_user(SERVICE_PARTNER)
    left, right = make_bakery(), make_bakery()
    left.memberships.create(user=partner, until=timezone.now())
    right.memberships.create(user=partner, until=timezone.now() + SOON)
    left.memberships.create(user=make_user("staff"))
    assert list(bakeries_for(partner)) == [right]


def test_a_service_partner_comes_for_a_time() -> None:
    partner, bakery = make_user(SERVICE_PARTNER), make_bakery()
    with pytest.raises(ValidationError, match="Say until when"):
        BakeryMembership(user=partner, bakery=bakery).full_clean()
    BakeryMembership(user=partner, bakery=bakery, until=timezone.now() + SOON).full_clean()
    BakeryMembership(user=make_user("staff"), bakery=bakery).full_clean()


def test_a_manager_sets_the_end_in_the_admin() -> None:
    manager, partner = make_user("manager"), make_user(SERVICE_PARTNER)
    bakery = make_bakery(manager)
    row = bakery.memberships.create(user=partner, until=timezone.now())
    rows = list(bakery.memberships.order_by("pk"))
    values = {"name": "Sol", "slug": "sol", "time_zone": "Europe/Madrid", "gateway": bakery.gateway_id}
    values |= {"memberships-TOTAL_FORMS": 2, "memberships-INITIAL_FORMS": 2}
    for number, member in enumerate(rows):
        values |= {f"memberships-{number}-id": member.pk, f"memberships-{number}-bakery": bakery.pk}
        values |= {f"memberships-{number}-user": member.user_id}
    assert b"Say until when" in signed_in(manager).post(page("bakery_change", bakery.pk), values).content
    place = rows.index(row)
    values |= {f"memberships-{place}-until_0": "2099-01-01", f"memberships-{place}-until_1": "00:00:00"}
    assert signed_in(manager).post(page("bakery_change", bakery.pk), values).status_code == 302
    assert list(bakeries_for(partner)) == [bakery]


def test_each_role_may_what_the_documents_say() -> None:
    may = {name: set(Group.objects.get(name=name).permissions.values_list("codename", flat=True)) for name in ROLES}
    assert {"add_apiclient", "change_bakerymembership", "export_bakery", "erase_bakery"} <= may["manager"]
    assert {"add_batch", "change_batch", "send_readings", "view_equipment"} <= may["integrator"]
    assert {"configure_iot", "change_equipment", "view_equipment"} <= may[SERVICE_PARTNER]
    for name in ("integrator", SERVICE_PARTNER, "staff"):
        assert not {"erase_bakery", "export_bakery", "add_apiclient", "change_bakerymembership"} & may[name]
        assert not {codename for codename in may[name] if codename.startswith("delete_")}


def test_a_service_partner_sets_connections_and_nothing_else() -> None:
    partner = make_user(SERVICE_PARTNER)
    bakery = make_bakery()
    bakery.memberships.create(user=partner, until=timezone.now() + SOON)
    oven = make_equipment(bakery)
    browser = signed_in(partner)
    assert browser.post(f"/api/v1/equipment/{oven.uuid}/iot-config", {}, "application/json").status_code == 400
    assert browser.delete(f"/api/v1/equipment/{oven.uuid}").status_code == 403
