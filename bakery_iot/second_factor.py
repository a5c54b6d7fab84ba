"""The second factor at signing in: a code from an app on the phone (TOTP), or one of ten recovery codes.

Nobody is signed in before it is given, so pages, API and sockets need not ask for it again.
"""

import base64
from collections.abc import Callable
from typing import Any

import qrcode
from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from qrcode.image.svg import SvgPathImage

from equipment.roles import MANAGER

RECOVERY_CODES = 10
NAME = "phone"


def has_second_factor(user: Any) -> bool:
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def must_have_second_factor(user: Any) -> bool:
    """Whoever can change settings, where the installation asks for it."""
    if not settings.REQUIRE_TWO_FACTOR:
        return False
    return bool(user.is_staff or user.is_superuser or user.groups.filter(name=MANAGER).exists())


def check_code(user: Any, code: str) -> Device | None:
    """The device whose code it is. After each wrong one, right ones too are refused for a time that doubles."""
    text = code.replace(" ", "").lower()
    kind = TOTPDevice if text.isdecimal() else StaticDevice
    with transaction.atomic():
        for device in kind.objects.select_for_update().filter(user=user, confirmed=True):
            if device.verify_token(text):
                found: Device = device
                return found
    return None


def find_new_device(user: Any) -> TOTPDevice:
    """The one that is being set up. It counts once a code of it was entered."""
    found = TOTPDevice.objects.filter(user=user, confirmed=False).order_by("pk").last()
    return found or TOTPDevice.objects.create(user=user, name=NAME, confirmed=False)


def confirm_device(device: TOTPDevice, code: str) -> list[str]:
    """Switch the second factor on. Returns the recovery codes, which are shown once; none if the code is wrong."""
    with transaction.atomic():
        locked = TOTPDevice.objects.select_for_update().get(pk=device.pk)
        text = code.replace(" ", "")
        if not text.isdecimal() or not locked.verify_token(text):
            return []
        TOTPDevice.objects.filter(user_id=device.user_id).exclude(pk=device.pk).delete()
        StaticDevice.objects.filter(user_id=device.user_id).delete()
        locked.confirmed = True
        locked.save(update_fields=["confirmed"])
        kept = StaticDevice.objects.create(user_id=device.user_id, name="recovery", confirmed=True)
        codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=kept, token=code) for code in codes)
    return codes


def remove_second_factor(user: AbstractBaseUser) -> None:
    """For a lost phone, or because it is not wanted any more."""
    for kind in (TOTPDevice, StaticDevice):
        for device in kind.objects.filter(user=user):
            device.delete()


def draw_qr_code(device: TOTPDevice) -> str:
    """As an address for <img>: inside the page, its inline styles would be refused."""
    image = qrcode.make(device.config_url, image_factory=SvgPathImage)
    return "data:image/svg+xml;base64," + base64.b64encode(image.to_string()).decode()


def show_key(device: TOTPDevice) -> str:
    """For apps without a camera, in groups of four."""
    key = base64.b32encode(device.bin_key).decode()
    return " ".join(key[start : start + 4] for start in range(0, len(key), 4))


def end_other_sessions(user: Any, kept: str | None) -> None:
    """Those were begun with the password alone. Their sockets close within half a minute."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()).exclude(session_key=kept):
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()


class SecondFactorMiddleware:
    """Once it is required, sessions that began without it end."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        may_lack_it = settings.REQUIRE_TWO_FACTOR and request.user.is_authenticated
        if may_lack_it and DEVICE_ID_SESSION_KEY not in request.session and must_have_second_factor(request.user):
            logout(request)
        return self.get_response(request)
