"""The Celery app, and the poll worker's start and stop.

A worker that serves a queue `poll.<gateway>` owns that gateway's collector; it needs the threads pool
(`-P threads`), because the collector's loop and the tasks that wake it must live in one process. Both are found by
their path: models may not be imported before Django is set up.
"""

import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_ready, worker_shutdown
from django.conf import settings
from django.utils.module_loading import import_string

from bakery_iot.garbage import spare_what_is_loaded
from bakery_iot.large_pages import keep_in_large_pages

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bakery_iot.settings")

app = Celery("bakery_iot")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_logging(**kwargs: Any) -> None:
    """Celery would set up its own, and lose our levels: some libraries log addresses with keys in them."""
    logging.config.dictConfig(settings.LOGGING)


@worker_ready.connect
def start_collector(sender: Any, **kwargs: Any) -> None:
    gateways = [
        queue.removeprefix("poll.") for queue in sender.app.amqp.queues.consume_from if queue.startswith("poll.")
    ]
    if not gateways:
        # Nobody waits for its answer within milliseconds, and searched for rarely, a patrol's machines and their latest
        # readings, which know each other, would pile up: 4 MB a minute at a thousand ovens.
        return
    spare_what_is_loaded()
    for gateway in gateways:
        import_string("telemetry.poll_worker.start")(gateway)
    keep_in_large_pages()


@worker_shutdown.connect
def stop_collector(**kwargs: Any) -> None:
    import_string("telemetry.poll_worker.stop")()
