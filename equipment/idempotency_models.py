"""The first answers to posts with an `Idempotency-Key`. Imported by `equipment.models`, so that Django finds them."""

from django.conf import settings
from django.db import models

from equipment.fields import EncryptedJSONField


class IdempotentAnswer(models.Model):
    """What one user's post with one key was answered. Kept for a day; encrypted, since answers can hold secrets."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = EncryptedJSONField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once_per_user")]

    def __str__(self) -> str:
        return f"{self.key[:12]} at {self.created_at:%Y-%m-%d %H:%M}"
