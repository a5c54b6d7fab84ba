"""The API's addresses of this app, with and without a slash at their end. They come before the machines' own."""

from django.urls import re_path

from alerts import api, api_messages, api_rules, api_webhooks

HOOK = r"^webhooks/(?P<webhook_id>[^/]+)"
ONE = r"^equipment/iot-alerts/(?P<alert_id>[^/]+)"

urlpatterns = [
    re_path(r"^equipment/iot-alerts/?$", api.AlertListView.as_view(), name="api_iot_alerts"),
    re_path(rf"{ONE}/?$", api.AlertDetailView.as_view(), name="api_iot_alert"),
    re_path(rf"{ONE}/acknowledge/?$", api.AcknowledgeView.as_view(), name="api_iot_alert_acknowledge"),
    re_path(rf"{ONE}/resolve/?$", api.ResolveView.as_view(), name="api_iot_alert_resolve"),
    re_path(rf"{ONE}/note/?$", api.NoteView.as_view(), name="api_iot_alert_note"),
    re_path(rf"{ONE}/snooze/?$", api.SnoozeView.as_view(), name="api_iot_alert_snooze"),
    re_path(r"^alert-rules/?$", api_rules.AlertRuleListView.as_view(), name="api_alert_rules"),
    re_path(r"^alert-rules/(?P<rule_id>[0-9]{1,9})/?$", api_rules.AlertRuleDetailView.as_view(), name="api_alert_rule"),
    re_path(
        r"^equipment/(?P<equipment_id>[^/]+)/alert-rules/?$",
        api_rules.EffectiveRulesView.as_view(),
        name="api_effective_alert_rules",
    ),
    re_path(rf"{ONE}/assign/?$", api.AssignView.as_view(), name="api_iot_alert_assign"),
    re_path(r"^webhooks/?$", api_webhooks.WebhookListView.as_view(), name="api_webhooks"),
    re_path(rf"{HOOK}/?$", api_webhooks.WebhookDetailView.as_view(), name="api_webhook"),
    re_path(rf"{HOOK}/secret/?$", api_webhooks.WebhookSecretView.as_view(), name="api_webhook_secret"),
    re_path(rf"{HOOK}/test/?$", api_webhooks.WebhookTestView.as_view(), name="api_webhook_test"),
    re_path(rf"{HOOK}/deliveries/?$", api_webhooks.DeliveryListView.as_view(), name="api_webhook_deliveries"),
    re_path(
        rf"{HOOK}/deliveries/(?P<delivery_id>[^/]+)/replay/?$",
        api_webhooks.ReplayView.as_view(),
        name="api_webhook_replay",
    ),
    re_path(
        r"^notification-preferences/?$",
        api_messages.PreferenceListView.as_view(),
        name="api_notification_preferences",
    ),
    re_path(
        r"^notification-preferences/(?P<bakery>[^/]+)/?$",
        api_messages.PreferenceDetailView.as_view(),
        name="api_notification_preference",
    ),
    re_path(r"^notifications/?$", api_messages.NotificationListView.as_view(), name="api_notifications"),
    re_path(r"^notifications/test/?$", api_messages.TestMessageView.as_view(), name="api_notification_test"),
    re_path(
        r"^notifications/(?P<notification_id>[^/]+)/?$",
        api_messages.NotificationDetailView.as_view(),
        name="api_notification",
    ),
    re_path(r"^push-subscriptions/?$", api_messages.DeviceListView.as_view(), name="api_push_subscriptions"),
    re_path(
        r"^push-subscriptions/(?P<device_id>[^/]+)/?$",
        api_messages.DeviceDetailView.as_view(),
        name="api_push_subscription",
    ),
]
