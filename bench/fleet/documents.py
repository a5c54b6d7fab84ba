"""The twelve values as JSON under the names of our own fields, so that a machine of this kind needs no mapping."""

from bench.values import numbers_at

_TEMPLATE = (
    b'{"temperature":%.1f,"target_temperature":%.1f,'
    b'"temperature_zones":{"deck_1_top":%.1f,"deck_1_bottom":%.1f,"core":%.1f},'
    b'"humidity":%d,"energy_consumption_kwh":%.1f,"operational_status":"running","cycle_progress_percentage":%d,'
    b'"time_remaining_minutes":%d,"motor_speed":%d,"door_status":"closed"%b}'
)


def document_at(number: int, now: float, further: bytes = b"") -> bytes:
    """`further` are more members, each with a comma in front."""
    whole = numbers_at(number, now)
    temperatures = [value / 10 for value in whole[:5]]
    return _TEMPLATE % (*temperatures, whole[5], whole[6] / 10, *whole[8:11], further)
