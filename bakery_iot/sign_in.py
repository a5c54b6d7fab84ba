"""Signing in and out. With a second factor the password opens nothing yet: it only leads to the page for the code."""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model, login
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import FormView
from django_otp import login as note_device
from django_otp.models import Device
from django_otp.plugins.otp_totp.models import TOTPDevice

from bakery_iot.second_factor import (
    check_code,
    confirm_device,
    draw_qr_code,
    end_other_sessions,
    find_new_device,
    has_second_factor,
    must_have_second_factor,
    remove_second_factor,
    show_key,
)

HALF_SIGNED_IN = "half_signed_in"
SECONDS_FOR_THE_CODE = 600
WRONG = (
    "This code is not right, or was used before. Take the next one that the app shows; after a wrong one wait a bit."
)


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "text", "autofocus": True}),
    )


class SignInView(LoginView):
    template_name = "bakery_iot/sign_in.html"
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        has_one = has_second_factor(user)
        if not has_one and not must_have_second_factor(user):
            return super().form_valid(form)
        self.request.session.cycle_key()
        self.request.session[HALF_SIGNED_IN] = {
            "user": user.pk,
            "hash": user.get_session_auth_hash(),
            "until": timezone.now().timestamp() + SECONDS_FOR_THE_CODE,
            "next": self.get_success_url(),
        }
        return redirect("second_factor" if has_one else "set_up_second_factor")


class SignOutView(LogoutView):
    """By POST alone, so that no link on another site can sign anyone out."""


def find_half_signed_in(request: HttpRequest) -> User | None:
    """Who has given the right password in this browser a moment ago, and is to give the code now."""
    kept = request.session.get(HALF_SIGNED_IN) or {}
    if kept.get("until", 0) < timezone.now().timestamp():
        return None
    user = get_user_model().objects.filter(pk=kept["user"], is_active=True).first()
    return user if user and user.get_session_auth_hash() == kept["hash"] else None


def sign_in_fully(request: HttpRequest, user: User, device: Device) -> str:
    """Returns where the person wanted to go."""
    wanted = str((request.session.pop(HALF_SIGNED_IN, None) or {}).get("next") or resolve_url("dashboard"))
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    note_device(request, device)
    return wanted


@method_decorator(never_cache, name="dispatch")
class SecondFactorView(FormView):  # type: ignore[type-arg]
    template_name = "bakery_iot/second_factor.html"
    form_class = CodeForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = find_half_signed_in(request)
        if user is None:
            return redirect("sign_in")
        if not has_second_factor(user):
            return redirect("set_up_second_factor")
        self.user = user
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: CodeForm) -> HttpResponse:
        device = check_code(self.user, form.cleaned_data["code"])
        if device is None:
            form.add_error("code", WRONG)
            return self.form_invalid(form)
        return redirect(sign_in_fully(self.request, self.user, device))


@method_decorator(never_cache, name="dispatch")
class SetUpSecondFactorView(LoginRequiredMixin, FormView):  # type: ignore[type-arg]
    """For whoever is signed in and wants one, and for whoever must have one before being signed in."""

    template_name = "bakery_iot/set_up_second_factor.html"
    form_class = CodeForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        half = None if request.user.is_authenticated else find_half_signed_in(request)
        if half is None and not request.user.is_authenticated:
            return self.handle_no_permission()
        self.user: Any = half or request.user
        if half is not None and has_second_factor(half):  # the password alone must not replace it
            return redirect("second_factor")
        return super(LoginRequiredMixin, self).dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        if has_second_factor(self.user):
            return {**context, "is_on": True, "is_required": must_have_second_factor(self.user)}
        device = find_new_device(self.user)
        return {**context, "picture": draw_qr_code(device), "key": show_key(device)}

    def form_valid(self, form: CodeForm) -> HttpResponse:
        code = form.cleaned_data["code"]
        if has_second_factor(self.user):
            return self._remove(form, code)
        device = find_new_device(self.user)
        codes = confirm_device(device, code)
        if not codes:
            form.add_error("code", WRONG)
            return self.form_invalid(form)
        wanted = self._go_on(device)
        return render(self.request, "bakery_iot/recovery_codes.html", {"codes": codes, "wanted": wanted})

    def _go_on(self, device: TOTPDevice) -> str:
        if self.request.user.is_authenticated:
            note_device(self.request, device)
            wanted = resolve_url("dashboard")
        else:
            wanted = sign_in_fully(self.request, self.user, device)
        end_other_sessions(self.user, self.request.session.session_key)
        return wanted

    def _remove(self, form: CodeForm, code: str) -> HttpResponse:
        if check_code(self.user, code) is None:
            form.add_error("code", WRONG)
            return self.form_invalid(form)
        remove_second_factor(self.user)
        return redirect("set_up_second_factor")
