"""How log lines look: for people in a terminal, or as JSON with machine and gateway as fields.

Code logs as ever, with `extra={"equipment": ...}`; a gateway's threads bind theirs once (`structlog.contextvars`).
"""

from typing import Any

import structlog

QUIET = {
    # They log whole URLs, whose query may carry a machine's API key.
    "httpx": "WARNING",
    "httpcore": "WARNING",
    "aiohttp": "WARNING",
    # A line for every one who signs in; who is locked out stays.
    "axes": "WARNING",
    # One line a second and gateway would say nothing but that the tick ticks.
    "celery.worker.strategy": "WARNING",
    "celery.app.trace": "WARNING",
    "django_celery_beat": "WARNING",
    "celery.beat": "WARNING",
}
FIELDS = ("equipment", "gateway")


def logging_settings(log_format: str) -> dict[str, Any]:
    """Django's LOGGING. `line`: one readable line each; `json`: an object each."""
    formatters = {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(allow=FIELDS),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        },
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {log_format: formatters[log_format]},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": log_format}},
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {name: {"level": level} for name, level in QUIET.items()},
    }
