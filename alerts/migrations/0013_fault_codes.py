import django.db.models.deletion
from django.db import migrations, models

from equipment.granting import let
from equipment.roles import MANAGER


class Migration(migrations.Migration):
    dependencies = [("alerts", "0012_message_permissions"), ("equipment", "0023_data_jobs")]

    operations = [
        migrations.CreateModel(
            name="FaultCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "manufacturer",
                    models.CharField(
                        blank=True, help_text="As at the machine. Empty: of any maker", max_length=100
                    ),
                ),
                ("code", models.CharField(help_text="As the machine shows it, such as E12", max_length=50)),
                ("meaning", models.CharField(help_text="A sentence: “The burner does not light.”", max_length=300)),
                (
                    "what_to_do",
                    models.CharField(
                        help_text="A sentence for whoever stands in front of it at night", max_length=300
                    ),
                ),
                (
                    "bakery",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: all bakeries",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="fault_codes",
                        to="equipment.bakery",
                    ),
                ),
            ],
            options={
                "ordering": ["manufacturer", "code", "bakery"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("bakery", "manufacturer", "code"),
                        name="one_meaning_per_fault_code",
                        nulls_distinct=False,
                        violation_error_message="There is already a meaning for this code here. Change that one.",
                    )
                ],
            },
        ),
        let(MANAGER, "alerts", "faultcode"),
    ]
