"""A membership is a row of its own and can end by itself. The table is the one that Django had made; no row is lost."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("equipment", "0011_send_readings"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="BakeryMembership",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "bakery",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="memberships",
                                to="equipment.bakery",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="bakery_memberships",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "member",
                        "db_table": "equipment_bakery_members",
                        "unique_together": {("bakery", "user")},
                    },
                ),
                migrations.AlterField(
                    model_name="bakery",
                    name="members",
                    field=models.ManyToManyField(
                        blank=True,
                        related_name="bakeries",
                        through="equipment.BakeryMembership",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ]
        ),
        migrations.AddField(
            model_name="bakerymembership",
            name="until",
            field=models.DateTimeField(
                blank=True,
                help_text="From then on the bakery does not exist for this person. Empty: no end",
                null=True,
            ),
        ),
    ]
