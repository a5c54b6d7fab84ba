"""Programs with a token of their own, and the permissions that the roles need."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("equipment", "0020_memberships_end"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        migrations.swappable_dependency(settings.KNOX_TOKEN_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="bakery",
            options={
                "ordering": ["name"],
                "permissions": [
                    ("export_bakery", "Can export everything of a bakery"),
                    ("erase_bakery", "Can delete a bakery with everything it has recorded"),
                ],
                "verbose_name_plural": "bakeries",
            },
        ),
        migrations.AlterModelOptions(
            name="equipment",
            options={
                "ordering": ["bakery__name", "name"],
                "permissions": [
                    ("configure_iot", "Can set where the server connects to"),
                    ("send_readings", "Can send readings in a machine's name"),
                ],
                "verbose_name": "equipment",
                "verbose_name_plural": "equipment",
            },
        ),
        migrations.CreateModel(
            name="ApiClient",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        help_text="Which program it is, as you will recognise it in a year", max_length=100
                    ),
                ),
                ("may_write", models.BooleanField(default=False, help_text="Otherwise it can only read")),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(editable=False, null=True)),
                ("last_used_at", models.DateTimeField(editable=False, null=True, verbose_name="last used")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "bakeries",
                    models.ManyToManyField(
                        help_text="It sees these and no others", related_name="api_clients", to="equipment.bakery"
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "token",
                    models.OneToOneField(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="api_client",
                        to=settings.KNOX_TOKEN_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        help_text="It may never do more than this person, and less where you say so",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_clients",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="acts as",
                    ),
                ),
            ],
            options={"verbose_name": "API client", "ordering": ["name", "pk"]},
        ),
    ]
