"""What has happened to machines, for the apps above. Sent after the commit."""

from django.dispatch import Signal

# equipment_ids: primary keys of those whose status, settings or batch changed; events: the rows of ConnectionLog that
# were written with it; left_bakery_ids: bakeries that lost a machine to another one. `sender` is Equipment.
connection_changed = Signal()
