"""Who belongs to which bakery and for how long, and the programs that are let in beside people."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from equipment.roles import SERVICE_PARTNER


class BakeryMembership(models.Model):
    """A person in a bakery. What the person may do there is said by the groups; with `until`, it ends by itself."""

    bakery = models.ForeignKey("equipment.Bakery", on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bakery_memberships")
    until = models.DateTimeField(
        null=True, blank=True, help_text="From then on the bakery does not exist for this person. Empty: no end"
    )

    class Meta:
        # The name that Django gave it while it had only the two keys.
        db_table = "equipment_bakery_members"
        verbose_name = "member"
        unique_together = [("bakery", "user")]

    def __str__(self) -> str:
        end = f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"{self.user} in {self.bakery}{end}"

    def clean(self) -> None:
        if self.user_id and self.until is None and self.user.groups.filter(name=SERVICE_PARTNER).exists():
            raise ValidationError({"until": "A service partner comes for a time. Say until when."})


class ApiClient(models.Model):
    """A program with an API token of its own: it may do what its user may, in these bakeries, until it expires.

    The token's text is shown once and only its hash is stored. The row outlives the token, for the records.
    """

    name = models.CharField(max_length=100, help_text="Which program it is, as you will recognise it in a year")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="api_clients",
        verbose_name="acts as",
        help_text="It may never do more than this person, and less where you say so",
    )
    bakeries = models.ManyToManyField(
        "equipment.Bakery", related_name="api_clients", help_text="It sees these and no others"
    )
    may_write = models.BooleanField(default=False, help_text="Otherwise it can only read")
    token = models.OneToOneField(
        settings.KNOX_TOKEN_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="api_client",
    )
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField("last used", null=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "API client"
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        if self.revoked_at:
            return "Revoked"
        if self.expires_at <= timezone.now():
            return "Expired"
        if self.token_id is None:
            return "Token given back"
        return "In use" if self.last_used_at else "Not used yet"


def lasting(prefix: str = "", **of: Any) -> models.Q:
    """The memberships that have not ended. Put it into one `filter` with what else is asked of the membership."""
    until = f"{prefix}until"
    asked = {f"{prefix}{name}": value for name, value in of.items()}
    return models.Q(**asked) & (models.Q(**{until: None}) | models.Q(**{f"{until}__gt": timezone.now()}))
