"""What the codes of machines mean. Hardly any maker publishes a list: who has the manual enters what it says."""

from django.db import models

from equipment.models import Bakery


class FaultCode(models.Model):
    """One code, for the machines of a maker or of all, in one bakery or in all. The narrower row wins."""

    bakery = models.ForeignKey(
        Bakery,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="fault_codes",
        help_text="Empty: all bakeries",
    )
    manufacturer = models.CharField(max_length=100, blank=True, help_text="As at the machine. Empty: of any maker")
    code = models.CharField(max_length=50, help_text="As the machine shows it, such as E12")
    meaning = models.CharField(max_length=300, help_text="A sentence: “The burner does not light.”")
    what_to_do = models.CharField(max_length=300, help_text="A sentence for whoever stands in front of it at night")

    class Meta:
        ordering = ["manufacturer", "code", "bakery"]
        constraints = [
            models.UniqueConstraint(
                fields=["bakery", "manufacturer", "code"],
                nulls_distinct=False,
                name="one_meaning_per_fault_code",
                violation_error_message="There is already a meaning for this code here. Change that one.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.manufacturer} {self.code}".strip()
