"""From which template a machine was set up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("equipment", "0005_records")]

    operations = [
        migrations.AddField(
            model_name="equipment",
            name="preset",
            field=models.CharField(
                blank=True,
                help_text="What is known of this make and model, from which the connection was filled in",
                max_length=50,
                verbose_name="template",
            ),
        ),
    ]
