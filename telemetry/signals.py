"""What the machines have said, for the apps above, sent after the commit; and what those add to a page's snapshot."""

from django.dispatch import Signal

# readings: list[EquipmentReading] that were new. `sender` is SensorReading.
readings_stored = Signal()

# user: whose page it is. Receivers return a dictionary that is put into the snapshot: a page must know the open alerts
# from its first moment, and telemetry must not know the app that has them. `sender` is None.
snapshot_asked = Signal()
