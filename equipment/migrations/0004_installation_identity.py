"""One name and one certificate per installation: what OPC UA servers trust and brokers keep messages for."""

import django.db.models.functions.datetime
import equipment.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("equipment", "0003_central_gateway")]

    operations = [
        migrations.CreateModel(
            name="InstallationIdentity",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(editable=False, max_length=32)),
                ("certificate_pem", models.TextField(editable=False, verbose_name="certificate")),
                ("private_key", equipment.fields.EncryptedSecretField(editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "verbose_name": "application certificate",
                "verbose_name_plural": "application certificate",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="one_installation_identity")
                ],
            },
        ),
    ]
