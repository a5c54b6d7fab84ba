"""Who gets what from every route and socket. A new one needs a row here, or `test_access.py` fails.

Admin pages and their exports need none: they are found by themselves, and all of them must stay shut.
"""

from typing import NamedTuple


class Row(NamedTuple):
    """A route, and what each kind of visitor gets from it by one request with an empty body.

    Whose time in the bakery is over gets what a stranger gets.
    """

    method: str
    anonymous: int
    stranger: int  # signed in, in no bakery
    outsider: int  # manager of another bakery
    member: int  # of this bakery, allowed to look
    manager: int
    foreigner: int | None = None  # integrator of another bakery; unless told, what the outsider gets
    reader: int | None = None  # API client that may only read; unless told, 403 from all that writes, else the member's

    def expected(self, kind: str) -> int:
        if kind == "expired":
            return self.stranger
        if kind == "foreigner":
            return self.outsider if self.foreigner is None else self.foreigner
        if kind == "reader" and self.reader is None:
            return self.member if self.method == "get" else 403
        return int(getattr(self, kind))


class Socket(NamedTuple):
    """The close code, or "opens" where messages come: never one about another bakery."""

    anonymous: int | str
    stranger: int | str
    outsider: int | str
    member: int | str


ROUTES = {
    "dashboard": Row("get", 302, 404, 200, 200, 200),
    "sign_in": Row("get", 200, 302, 302, 302, 302),
    "second_factor": Row("get", 302, 302, 302, 302, 302),
    "set_up_second_factor": Row("get", 302, 200, 200, 200, 200),
    "sign_out": Row("post", 302, 302, 302, 302, 302, reader=302),
    "health": Row("get", 200, 200, 200, 200, 200),
    "equipment_detail": Row("get", 302, 404, 404, 200, 200),
    "equipment_data_request": Row("get", 302, 404, 404, 200, 200),
    "preset_data_request": Row("get", 302, 404, 200, 200, 200),
    "alert_list": Row("get", 302, 404, 200, 200, 200),
    "alert_detail": Row("get", 302, 404, 404, 200, 200),
    "api_iot_alerts": Row("get", 401, 404, 200, 200, 200),
    "api_iot_alert": Row("get", 401, 404, 404, 200, 200),
    "api_iot_alert_acknowledge": Row("post", 401, 404, 404, 200, 200),
    "api_iot_alert_resolve": Row("post", 401, 404, 404, 200, 200),
    "api_iot_alert_note": Row("post", 401, 404, 404, 400, 400),
    "api_iot_alert_snooze": Row("post", 401, 404, 404, 400, 400),
    "api_iot_alert_assign": Row("post", 401, 404, 404, 400, 400),
    "api_alert_rules": Row("post", 401, 404, 400, 403, 400, foreigner=403),
    "api_alert_rule": Row("get", 401, 404, 404, 200, 200),
    "api_effective_alert_rules": Row("get", 401, 404, 404, 200, 200),
    "api_token": Row("post", 400, 400, 400, 400, 400, reader=400),
    "api_schema": Row("get", 200, 200, 200, 200, 200),
    "api_equipment_list": Row("get", 401, 404, 200, 200, 200),
    "api_protocols": Row("get", 401, 404, 200, 200, 200),
    "api_presets": Row("get", 401, 404, 200, 200, 200),
    "api_equipment": Row("get", 401, 404, 404, 200, 200),
    "api_iot_config": Row("post", 401, 404, 404, 403, 400, foreigner=403),
    "api_test_connection": Row("post", 401, 404, 404, 403, 400, foreigner=403),
    "api_haccp_records": Row("get", 401, 404, 404, 200, 200),
    "api_cooking_programmes": Row("get", 401, 404, 404, 200, 200),
    "api_realtime_data": Row("get", 401, 404, 404, 200, 200),
    "api_sensor_history": Row("get", 401, 404, 404, 200, 200),
    "metrics": Row("get", 404, 404, 404, 404, 404),
    "my_messages": Row("get", 302, 404, 200, 200, 200),
    "api_webhooks": Row("post", 401, 404, 400, 403, 400, foreigner=403),
    "api_webhook": Row("get", 401, 404, 404, 403, 200),
    "api_webhook_secret": Row("post", 401, 404, 404, 403, 200),
    "api_webhook_test": Row("post", 401, 404, 404, 403, 202),
    "api_webhook_deliveries": Row("get", 401, 404, 404, 403, 200),
    "api_webhook_replay": Row("post", 401, 404, 404, 403, 202),
    "api_notification_preferences": Row("get", 401, 404, 200, 200, 200),
    "api_notification_preference": Row("patch", 401, 404, 404, 200, 200),
    "api_notifications": Row("get", 401, 404, 200, 200, 200),
    "api_notification_test": Row("post", 401, 404, 400, 400, 400),
    "api_notification": Row("get", 401, 404, 404, 200, 404, reader=404),
    "api_push_subscriptions": Row("get", 401, 404, 200, 200, 200),
    "api_push_subscription": Row("delete", 401, 404, 404, 204, 404),
    "api_docs": Row("get", 200, 200, 200, 200, 200),
    "api_connection_logs": Row("get", 401, 404, 404, 200, 200),
    "api_batches": Row("post", 401, 404, 400, 403, 400),
    "api_batch": Row("get", 401, 404, 404, 200, 200),
    "api_batch_end": Row("post", 401, 404, 404, 403, 200),
    "api_external_batch": Row("get", 401, 404, 404, 200, 200),
    "api_bakeries": Row("post", 401, 404, 400, 403, 400, foreigner=403),
    "api_bakery": Row("get", 401, 404, 404, 200, 200),
    "api_members": Row("get", 401, 404, 404, 200, 200),
    "api_member": Row("put", 401, 404, 404, 403, 200, foreigner=403),
    "api_capabilities": Row("get", 401, 404, 404, 200, 200),
    "api_batch_tracking": Row("get", 401, 404, 404, 200, 200),
    "api_readings": Row("post", 401, 404, 404, 403, 400),
    "api_export_csv": Row("get", 401, 404, 404, 200, 200),
    "api_export_ndjson": Row("get", 401, 404, 404, 200, 200),
    "api_export_parquet": Row("get", 401, 404, 404, 200, 200),
    "api_messages": Row("post", 401, 404, 404, 403, 400),
    "api_gateways": Row("get", 401, 404, 200, 200, 200),
}

SOCKETS = {
    "ws/live/": Socket(4401, 4404, "opens", "opens"),
}
