"""A person's page about messages: what they want to hear of, where it goes, and what was sent."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from alerts import channel_mail, preferences
from alerts.devices import devices_for
from alerts.messages import describe_event
from alerts.models import Notification, NotificationPreference
from alerts.notification_models import Circle
from alerts.push_identity import get_push_identity
from equipment.selectors import bakeries_for
from equipment.views import BakeryPage, show_moment

SHOWN = 20
CIRCLE_WORDS = {
    Circle.FIRST: "You are told at once.",
    Circle.SECOND: "You are told when nobody else acknowledges in time.",
}


class PreferenceForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = NotificationPreference
        fields = preferences.CHOSEN
        widgets = {name: forms.TimeInput({"type": "time"}, format="%H:%M") for name in ("quiet_starts", "quiet_ends")}

    @property
    def circle_words(self) -> str:
        return CIRCLE_WORDS[Circle(self.instance.circle)]


class MessagesView(BakeryPage):
    template_name = "alerts/messages.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        zone = bakeries_for(user).order_by("name")[0].time_zone
        rows = preferences.notifications_for(user)[:SHOWN]
        return {
            "forms": self._forms(),
            "is_saved": "saved" in self.request.GET,
            "is_mail_set_up": channel_mail.is_set_up(),
            "devices": devices_for(user),
            "public_key": get_push_identity().public_key,
            "rows": [describe_message(row, zone) for row in rows],
            **super().get_context_data(**kwargs),
        }

    def post(self, request: HttpRequest) -> HttpResponse:
        found = self._forms(request.POST)
        if not all(form.is_valid() for form in found):
            return self.render_to_response(self.get_context_data(forms=found))
        for form in found:
            preferences.set_preference(request.user, form.instance.bakery, form.cleaned_data)
        return HttpResponseRedirect(f"{reverse('my_messages')}?saved")

    def _forms(self, posted: Any = None) -> list[PreferenceForm]:
        return [
            PreferenceForm(posted, instance=row, prefix=row.bakery.slug)
            for row in preferences.list_preferences(self.request.user)
        ]


def describe_message(row: Notification, zone: Any) -> dict[str, Any]:
    to = f"{row.subscription}" if row.subscription else row.get_channel_display()
    return {
        "shown_at": show_moment(row.created_at, row.event.alert.bakery.time_zone if row.event else zone),
        "words": describe_event(row.event) if row.event else "A test",
        "url": row.event.alert.get_absolute_url() if row.event else "",
        "result": f"{to}: {row.result or 'on its way'}",
    }
