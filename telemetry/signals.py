"""What the machines have said, for the apps above. Sent after the commit."""

from django.dispatch import Signal

# readings: list[EquipmentReading] that were new. `sender` is SensorReading.
readings_stored = Signal()
