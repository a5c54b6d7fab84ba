from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from equipment.models import Bakery, Batch, ConnectionLog, Equipment
from equipment.services import configure_equipment_iot
from equipment.tests.browsers import errors, filled, page, post, signed_in
from equipment.tests.factories import make_bakery, make_equipment, make_gateway, make_user

pytestmark = pytest.mark.django_db
OVEN = "sol-1"
SECRET = "gugelhupf-4711"
SETTINGS = {
    "protocol": "rest_api",
    "endpoint": "http://oven.example:8080",
    "credentials": {"token": SECRET},
    "additional_config": {"data_endpoint": "/data", "timeout": 3},
}


@pytest.fixture
def manager() -> User:
    return make_user("manager")


@pytest.fixture
def bakery(manager: User) -> Bakery:
    return make_bakery(manager, name="Sol")


@pytest.fixture
def browser(manager: User, bakery: Bakery) -> Client:
    return signed_in(manager)


class TestWhoSeesWhat:
    def test_the_groups_are_there_with_their_permissions(self) -> None:
        manager, staff = (
            set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))
            for name in ("manager", "staff")
        )
        assert {"configure_iot", "add_bakery", "change_equipment", "delete_batch", "view_alert"} <= manager
        assert {"view_equipment", "view_batch", "view_bakery", "view_connectionlog", "view_alert"} <= staff
        assert all(codename.startswith("view_") for codename in staff)
        assert not {"add_gateway", "change_gateway", "delete_gateway", "add_user"} & manager

    @pytest.mark.parametrize("kind", ["bakery", "equipment", "batch", "connectionlog", "gateway"])
    def test_lists_and_forms_show_my_bakeries_alone(self, browser: Client, bakery: Bakery, kind: str) -> None:
        other = make_bakery(name="Theirs", gateway="elsewhere")
        rows: dict[str, list[Any]] = {"bakery": [], "equipment": [], "batch": [], "connectionlog": [], "gateway": []}
        for shop in (bakery, other):
            oven = make_equipment(shop, name=f"Oven of {shop.name}")
            rows["bakery"].append(shop)
            rows["equipment"].append(oven)
            rows["gateway"].append(shop.gateway)
            batch = Batch.objects.create(equipment=oven, product=f"Bread of {shop.name}", started_at=timezone.now())
            rows["batch"].append(batch)
            log = ConnectionLog(equipment=oven, event_type="connected", event_time=timezone.now())
            log.connection_status = "connected"
            log.save()
            rows["connectionlog"].append(log)
        mine, theirs = rows[kind]
        listed = browser.get(page(f"{kind}_changelist"))
        assert list(listed.context["cl"].queryset) == [mine]
        assert browser.get(page(f"{kind}_change", mine.pk)).status_code == 200
        for name in (f"{kind}_change", f"{kind}_history", f"{kind}_delete"):
            assert browser.get(page(name, theirs.pk)).status_code in (403, 404)
        assert browser.get(page(f"{kind}_change", theirs.pk)).status_code == 404

    def test_a_superuser_sees_everything(self, bakery: Bakery) -> None:
        admin = signed_in(make_user(is_superuser=True, is_staff=True))
        make_equipment(bakery)
        make_equipment()
        assert admin.get(page("equipment_changelist")).context["cl"].queryset.count() == 2

    def test_choices_end_at_my_bakeries_too(self, browser: Client, bakery: Bakery) -> None:
        other = make_bakery(gateway="elsewhere")
        form = browser.get(page("equipment_add")).context["adminform"].form
        assert list(form.fields["bakery"].queryset) == [bakery]
        assert list(browser.get(page("bakery_add")).context["adminform"].form.fields["gateway"].queryset) == [
            bakery.gateway
        ]
        answer = browser.post(page("equipment_add"), filled(bakery=other.pk))
        assert "bakery" in errors(answer)
        assert not Equipment.objects.exists()

    def test_a_manager_picks_members_among_colleagues(self, browser: Client, bakery: Bakery, manager: User) -> None:
        colleague, outsider = make_user("staff"), make_user("staff")
        bakery.members.add(colleague)
        make_bakery(outsider)
        (members,) = browser.get(page("bakery_change", bakery.pk)).context["inline_admin_formsets"]
        assert set(members.formset.empty_form.fields["user"].queryset) == {manager, colleague}

    def test_who_makes_a_bakery_is_its_first_member(self, browser: Client, bakery: Bakery, manager: User) -> None:
        values = {"name": "Luna", "slug": "luna", "time_zone": "Europe/Madrid", "gateway": bakery.gateway_id}
        values |= {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
        assert browser.post(page("bakery_add"), values).status_code == 302
        assert list(Bakery.objects.get(slug="luna").members.all()) == [manager]

    def test_gateways_are_a_superusers(self, browser: Client) -> None:
        assert browser.get(page("gateway_add")).status_code == 403
        assert browser.post(page("gateway_change", make_gateway().pk), {"name": "x", "slug": "x"}).status_code == 403

    def test_staff_look_without_changing(self, bakery: Bakery) -> None:
        staff = make_user("staff", is_staff=True)
        bakery.members.add(staff)
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        answer = signed_in(staff).get(page("equipment_change", oven.pk))
        assert b"oven.example" in answer.content
        assert b"test-connection" not in answer.content
        assert post(signed_in(staff), oven, name="x").status_code == 403

    def test_the_connection_log_can_only_be_read(self, browser: Client, bakery: Bakery) -> None:
        configure_equipment_iot(make_equipment(bakery), SETTINGS)
        log = ConnectionLog.objects.get()
        assert browser.get(page("connectionlog_change", log.pk)).status_code == 200
        assert browser.get(page("connectionlog_add")).status_code == 403
        assert browser.post(page("connectionlog_delete", log.pk), {"post": "yes"}).status_code == 403
        assert browser.post(page("connectionlog_change", log.pk), {"error_message": "x"}).status_code == 403


class TestList:
    def test_it_says_in_words_how_it_stands(self, browser: Client, bakery: Bakery) -> None:
        make_equipment(bakery, name="Lost", iot_enabled=True, iot_connection_status="disconnected")
        make_equipment(bakery, name="Quiet")
        text = browser.get(page("equipment_changelist")).content.decode()
        assert "Not reachable" in text
        assert "Not read" in text
        assert Equipment.objects.get(name="Lost").get_absolute_url() in text

    def test_archiving_takes_off_the_list_and_keeps_the_records(self, browser: Client, bakery: Bakery) -> None:
        oven = make_equipment(bakery)
        answer = browser.post(page("equipment_changelist"), {"action": "archive", "_selected_action": [oven.pk]})
        assert answer.status_code == 302
        oven.refresh_from_db()
        assert oven.archived_at
        assert browser.get(page("equipment_change", oven.pk)).status_code == 404
        assert browser.get(page("equipment_delete", make_equipment(bakery).pk)).status_code == 403
