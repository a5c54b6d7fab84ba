"""Why a message that waited must not be sent any more: the world has gone on since its row was made."""

from alerts.kinds import AlertStatus, EventType
from alerts.models import Notification
from alerts.recipients import CALLS
from equipment.selectors import members_of

LEFT = "Not sent: this person is no longer a member of the bakery."
OVER = "Not sent: it was over before the quiet hours ended."


def find_obstacle(row: Notification) -> str:
    """The sentence for the row's result. Empty: it may be sent."""
    if row.webhook is not None and not row.webhook.enabled and row.replay_of_id is None and row.event_id:
        return "Not sent: the webhook is switched off."
    if row.subscription is not None and (row.subscription.ended_at or row.subscription.user_id != row.user_id):
        return "Not sent: this device no longer takes messages."
    if row.user is None or row.event is None:
        return ""
    alert = row.event.alert
    if not row.user.is_active or not members_of(alert.bakery).filter(pk=row.user.pk).exists():
        return LEFT
    is_call = EventType(row.event.event) in CALLS
    return OVER if row.is_held and is_call and alert.status == AlertStatus.RESOLVED else ""
