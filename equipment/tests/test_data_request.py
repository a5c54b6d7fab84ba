"""The letter to a maker: what is filled in, in which language, and for whom."""

import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from connectors.preset import list_presets
from equipment import data_request
from equipment.models import Bakery, Equipment
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
SUBJECTS = {"es": "Reglamento (UE)", "de": "Verordnung (EU)", "en": "Regulation (EU)"}


@pytest.fixture
def member() -> User:
    return make_user("staff")


@pytest.fixture
def bakery(member: User) -> Bakery:
    return make_bakery(member, name="Panadería <Sol>", slug="sol")


@pytest.fixture
def browser(member: User, bakery: Bakery) -> Client:
    client = Client()
    client.force_login(member)
    return client


@pytest.fixture
def oven(bakery: Bakery) -> Equipment:
    return make_equipment(
        bakery, name="Steinofen", manufacturer="SALVA", model="KX-9", serial_number="S-20417", preset="salva"
    )


def read(browser: Client, address: str, **query: str) -> str:
    answer = browser.get(address, query)
    assert answer.status_code == 200
    page: str = answer.content.decode()
    (letter,) = re.findall(r'<article class="letter".*?</article>', page, flags=re.S)
    return str(letter).replace("&nbsp;", " ")


def of_machine(oven: Equipment) -> str:
    return reverse("equipment_data_request", args=[oven.uuid])


def of_preset(key: str) -> str:
    return reverse("preset_data_request", args=[key])


@pytest.mark.parametrize("language", list(SUBJECTS))
def test_what_is_known_of_the_machine_is_filled_in(browser: Client, oven: Equipment, language: str) -> None:
    letter = read(browser, of_machine(oven), lang=language)
    for known in ("Panadería &lt;Sol&gt;", "SALVA", "KX-9", "S-20417", f"{SUBJECTS[language]} 2023/2854"):
        assert known in letter
    assert f'lang="{language}"' in letter
    assert getattr(list_presets()["salva"].data_request, language) in letter
    assert "<input" not in letter


@pytest.mark.parametrize("language", list(SUBJECTS))
def test_each_language_names_the_same_articles(browser: Client, oven: Equipment, language: str) -> None:
    letter = read(browser, of_machine(oven), lang=language)
    pattern = {
        "es": r"artículo (\d+), apartado (\d+)",
        "de": r"Artikel (\d+) Absatz (\d+)",
        "en": r"Article (\d+)\((\d+)\)",
    }
    named = re.findall(pattern[language], letter)
    assert named == [("4", "1"), ("4", "1"), ("4", "5"), ("4", "6"), ("4", "10"), ("3", "1"), ("7", "1")]
    assert letter.count("<li>") == 9
    assert letter.count("<h3>") == 3


@pytest.mark.parametrize(
    ("language", "day", "last"),
    [
        ("es", "9 de febrero de 2027", "11 de marzo de 2027"),
        ("de", "9. Februar 2027", "11. März 2027"),
        ("en", "9 February 2027", "11 March 2027"),
    ],
)
def test_the_dates_are_the_bakerys_in_its_language(
    browser: Client, oven: Equipment, monkeypatch: pytest.MonkeyPatch, language: str, day: str, last: str
) -> None:
    night = datetime(2027, 2, 8, 23, 30, tzinfo=UTC)  # already the 9th in Madrid
    monkeypatch.setattr(data_request, "timezone", SimpleNamespace(now=lambda: night))
    letter = read(browser, of_machine(oven), lang=language)
    assert f">{day}<" in letter
    assert last in letter


def test_what_is_not_known_is_a_line_to_write_on(browser: Client, bakery: Bakery) -> None:
    letter = read(browser, of_machine(make_equipment(bakery)), lang="en")
    assert re.findall(r'<input class="letter-line" aria-label="([^"]+)"', letter) == [
        "Maker",
        "Make",
        "Model",
        "Serial number",
    ]
    assert "In addition" not in letter


def test_the_language_is_the_readers_until_another_is_chosen(browser: Client, oven: Equipment) -> None:
    page = browser.get(of_machine(oven), headers={"accept-language": "de-AT,en"}).content.decode()
    assert '<article class="letter" lang="de">' in page
    for unknown in ("fr", "xx", "../es"):
        assert '<article class="letter" lang="en">' in browser.get(of_machine(oven), {"lang": unknown}).content.decode()


@pytest.mark.parametrize("key", [key for key, preset in list_presets().items() if preset.data_request])
def test_a_template_has_it_before_there_is_a_machine(browser: Client, key: str) -> None:
    letter = read(browser, of_preset(key), lang="es")
    preset = list_presets()[key]
    assert preset.manufacturer in letter
    assert preset.data_request
    assert preset.data_request.es in letter


def test_whoever_has_several_bakeries_chooses_one(browser: Client, member: User) -> None:
    make_bakery(member, name="Zur Linde", slug="linde")
    theirs = make_bakery(name="Theirs", slug="theirs")
    assert "Zur Linde" in read(browser, of_preset("salva"), bakery="linde")
    page = browser.get(of_preset("salva"), {"lang": "de"}).content.decode()
    assert "?lang=de&amp;bakery=linde" in page
    assert theirs.name not in page
    for bakery in ("theirs", "gone"):
        assert browser.get(of_preset("salva"), {"bakery": bakery}).status_code == 404
    assert browser.get(of_preset("toaster")).status_code == 404


def test_it_can_be_reached_from_the_machines_settings(bakery: Bakery, oven: Equipment) -> None:
    manager = make_user("manager")
    bakery.members.add(manager)
    admin = Client()
    admin.force_login(manager)
    page = admin.get(reverse("admin:equipment_equipment_change", args=[oven.pk])).content.decode()
    assert page.count(of_machine(oven)) > 1  # in its state, and in what its template says
    assert of_preset("salva") in admin.get(reverse("admin:equipment_equipment_add")).content.decode()


def test_the_machines_page_says_that_its_connection_is_assumed(browser: Client, oven: Equipment) -> None:
    words = "unverified with the manufacturer"
    assert words not in browser.get(oven.get_absolute_url()).content.decode()
    for protocol, preset, seen in (
        ("modbus", "salva", True),
        ("opc_ua", "salva", False),
        ("opc_ua", "opc_30200", False),
    ):
        Equipment.objects.filter(pk=oven.pk).update(iot_protocol=protocol, preset=preset)
        assert (words in browser.get(oven.get_absolute_url()).content.decode()) is seen
