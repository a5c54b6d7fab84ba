"""The API's addresses of this app, with and without a slash at their end. They come before the machines' own."""

from django.urls import re_path

from alerts import api, api_rules

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
]
