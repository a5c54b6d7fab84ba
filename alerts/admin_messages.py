"""Webhooks, who is in which circle, and everything that was sent or tried, in the admin."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextInputWidget

from alerts import webhooks
from alerts.models import Notification, NotificationPreference, Webhook
from alerts.notification_models import Channel
from equipment.admin import OwnBakeriesAdmin
from equipment.admin_records import ReadOnlyAdmin
from equipment.selectors import bakeries_for


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    url = forms.CharField(
        label="Address", max_length=2000, widget=UnfoldAdminTextInputWidget, help_text="https://… of the other system"
    )

    class Meta:
        model = Webhook
        fields = ("bakery", "name", "url", "severity_from", "enabled")

    def clean_url(self) -> str:
        try:
            return webhooks.check_url(self.cleaned_data["url"])
        except ValueError as error:
            raise ValidationError(str(error)) from None


class WebhookAdmin(OwnBakeriesAdmin):
    form = WebhookForm
    list_display = ("name", "bakery", "host", "severity_from", "enabled")
    list_filter = (("bakery", admin.RelatedOnlyFieldListFilter), "enabled")
    list_select_related = ("bakery",)
    actions = ("send_test", "renew_secret")

    @admin.display(description="Host")
    def host(self, obj: Webhook) -> str:
        return urlsplit(obj.url).hostname or "–"

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        if not change:
            obj.secret = webhooks.make_secret()  # type: ignore[assignment]
            obj.created_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)
        if not change:
            self._show_secret(request, obj)

    def _show_secret(self, request: HttpRequest, hook: Webhook) -> None:
        sentence = "The secret of “{}” is {}. It is shown only this once: give it to the system that receives."
        self.message_user(request, format_html(sentence, hook.name, hook.secret), messages.WARNING)

    @admin.action(description="Send a test", permissions=["change"])
    def send_test(self, request: HttpRequest, rows: QuerySet[Webhook]) -> None:
        for hook in rows:
            webhooks.send_test(hook)
        self.message_user(request, "On its way. What came of it is under Notifications in some seconds.")

    @admin.action(description="Make a new secret", permissions=["change"])
    def renew_secret(self, request: HttpRequest, rows: QuerySet[Webhook]) -> None:
        for hook in rows:
            self._show_secret(request, webhooks.renew_secret(hook))


class NotificationPreferenceAdmin(OwnBakeriesAdmin):
    """People choose for themselves on their page; who is told at once and who later is chosen here."""

    list_display = ("user", "bakery", "circle", "email_from", "push_from", "quiet_starts", "quiet_ends")
    list_filter = (("bakery", admin.RelatedOnlyFieldListFilter), "circle")
    list_select_related = ("user", "bakery")

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user" and not request.user.is_superuser:
            # Colleagues only: other people's names are none of a manager's business.
            colleagues = get_user_model().objects.filter(bakeries__in=bakeries_for(request.user))
            kwargs["queryset"] = colleagues.distinct().order_by("username")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class NotificationAdmin(ReadOnlyAdmin, OwnBakeriesAdmin):
    list_display = ("created_at", "channel", "receiver", "event", "attempts", "sent_at", "result")
    list_filter = ("channel", ("webhook", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("event__alert__bakery", "event__alert__equipment", "user", "webhook")
    date_hierarchy = "created_at"
    actions = ("send_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notification]:
        rows: QuerySet[Notification] = super(OwnBakeriesAdmin, self).get_queryset(request)
        if request.user.is_superuser:
            return rows
        own = bakeries_for(request.user)
        return rows.filter(Q(event__alert__bakery__in=own) | Q(webhook__bakery__in=own))

    @admin.display(description="To")
    def receiver(self, obj: Notification) -> str:
        return str(obj.webhook or obj.user)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("alerts.change_webhook")

    @admin.action(description="Send again (webhooks)", permissions=["replay"])
    def send_again(self, request: HttpRequest, rows: QuerySet[Notification]) -> None:
        found = webhooks.replay(rows.filter(channel=Channel.WEBHOOK))
        if found:
            self.message_user(request, f"On their way again: {len(found)}.")
        else:
            self.message_user(request, "Only messages of webhooks are sent again.", messages.WARNING)


PAGES: dict[Any, Any] = {
    Webhook: WebhookAdmin,
    NotificationPreference: NotificationPreferenceAdmin,
    Notification: NotificationAdmin,
}
