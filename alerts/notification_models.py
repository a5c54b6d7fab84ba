"""Who is told of alerts and by what way, and every message that was tried.

A `Notification` is the queue and the record in one: it waits while `next_try_at` is set, and is kept for ever after.
Rows change through `alerts.delivery` only, by conditional updates.
"""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from alerts.kinds import Severity
from equipment.fields import EncryptedSecretField
from equipment.models import Bakery


class Lowest(models.TextChoices):
    """From which severity on a person wants to hear of something."""

    NEVER = "never", "Nothing"
    INFO = Severity.INFO.value, "Everything"
    WARNING = Severity.WARNING.value, "Warnings and critical alerts"
    CRITICAL = Severity.CRITICAL.value, "Critical alerts only"


class Channel(models.TextChoices):
    EMAIL = "email", "E-mail"
    PUSH = "push", "Push message"
    WEBHOOK = "webhook", "Webhook"


class Circle(models.IntegerChoices):
    FIRST = 1, "Told at once"
    SECOND = 2, "Told when nobody acknowledges"


class NotificationPreference(models.Model):
    """What one person wants to hear of one bakery. Without a row, the defaults of these fields hold."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_preferences"
    )
    bakery = models.ForeignKey(Bakery, on_delete=models.CASCADE, related_name="notification_preferences")
    circle = models.PositiveSmallIntegerField(
        choices=Circle, default=Circle.FIRST, help_text="Who is told at once, and who when nobody has acknowledged"
    )
    email_from = models.CharField("by e-mail", max_length=10, choices=Lowest, default=Lowest.WARNING)
    push_from = models.CharField("on phones and browsers", max_length=10, choices=Lowest, default=Lowest.WARNING)
    quiet_starts = models.TimeField("quiet from", null=True, blank=True, help_text="In the bakery's time")
    quiet_ends = models.TimeField("quiet until", null=True, blank=True)
    criticals_pass = models.BooleanField(
        "critical alerts pass", default=True, help_text="Critical alerts come in the quiet hours too"
    )

    class Meta:
        ordering = ["bakery", "user"]
        constraints = [
            models.UniqueConstraint(fields=["user", "bakery"], name="one_notification_preference_per_bakery"),
            models.CheckConstraint(
                condition=models.Q(quiet_starts=None, quiet_ends=None)
                | models.Q(quiet_starts__isnull=False, quiet_ends__isnull=False),
                name="quiet_hours_have_both_ends",
                violation_error_message="Quiet hours need a start and an end.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.bakery}"


class Webhook(models.Model):
    """Another system that is told of a bakery's alerts. Its secret signs, and is shown once: when it is made."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    bakery = models.ForeignKey(Bakery, on_delete=models.CASCADE, related_name="webhooks")
    name = models.CharField(max_length=100)
    # Encrypted like the secret: the address of a chat's webhook is all one needs to write there.
    url = EncryptedSecretField("address", max_length=2000, help_text="https://… of the system to be told")
    secret = EncryptedSecretField(editable=False)
    severity_from = models.CharField("from severity", max_length=10, choices=Severity, default=Severity.INFO)
    enabled = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["bakery", "name", "pk"]

    def __str__(self) -> str:
        return self.name


class PushSubscription(models.Model):
    """One browser on one device that shows a person's messages. Ended ones stay, without keys, for their messages."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="push_subscriptions")
    device = models.CharField(max_length=100, blank=True)
    endpoint = EncryptedSecretField(blank=True)
    endpoint_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the address: that is encrypted")
    keys = EncryptedSecretField(blank=True, help_text="JSON: p256dh and auth, as the browser made them")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.device or "A browser"


class PushIdentity(models.Model):
    """Who this installation is to push services (VAPID). One row; read it with `alerts.push_identity`."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    private_key = EncryptedSecretField(editable=False)
    public_key = models.CharField(max_length=200, editable=False, help_text="As browsers take it: base64url")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_push_identity")]

    def __str__(self) -> str:
        return "Push identity"


class Notification(models.Model):
    """One message to one person's channel, or to one webhook. Without an event it is a test."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    event = models.ForeignKey("alerts.AlertEvent", on_delete=models.CASCADE, null=True, related_name="notifications")
    channel = models.CharField(max_length=10, choices=Channel)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="notifications"
    )
    subscription = models.ForeignKey(
        PushSubscription, on_delete=models.CASCADE, null=True, related_name="notifications"
    )
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, null=True, related_name="notifications")
    replay_of = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="replays")
    message_id = models.UUIDField(
        default=uuid4, help_text="By which the receiver knows a repetition; rows sent as one message share it"
    )
    created_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, db_default=Now(), help_text="Empty: nothing more will be tried")
    leased_until = models.DateTimeField(null=True, help_text="A worker is sending it; after this one may try again")
    is_held = models.BooleanField(default=False, help_text="Kept for the end of the person's quiet hours")
    sent_at = models.DateTimeField(null=True)
    result = models.TextField(blank=True, help_text="What came of the last try, as a sentence")

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "channel", "user", "subscription", "webhook"],
                condition=models.Q(event__isnull=False, replay_of=None),
                nulls_distinct=False,
                name="nobody_is_told_twice",
            ),
            models.CheckConstraint(
                condition=models.Q(user=None) ^ models.Q(webhook=None), name="notification_has_one_receiver"
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "next_try_at"],
                condition=models.Q(next_try_at__isnull=False),
                name="notification_to_send",
            ),
            models.Index(fields=["webhook", "-created_at"], name="notification_by_webhook"),
            models.Index(fields=["user", "-created_at"], name="notification_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} to {self.webhook or self.user}"
