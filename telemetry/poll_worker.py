"""The collector inside its Celery worker: a thread with a loop, started and stopped with the worker."""

import asyncio
import functools
import logging
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
import uvloop
from celery import current_app
from django.conf import settings

from equipment import tasks as equipment_tasks
from equipment.services import address_policy
from telemetry import monitoring
from telemetry.collector import Collector
from telemetry.gateway_lock import GatewayLock
from telemetry.outbox import Outbox

logger = logging.getLogger(__name__)

STORE_TASK = "telemetry.tasks.store_sensor_readings"
STOP_SECONDS = 20
PARK_SECONDS = 10


class PollWorker:
    """One gateway's collector on a thread of its own."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self.collector: Collector | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name=f"collector-{gateway}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        structlog.contextvars.bind_contextvars(gateway=self.gateway)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._collect())
        except BaseException:
            # A worker without its collector would look alive and poll nothing.
            logger.critical("The collector of gateway %s broke; its worker stops", self.gateway, exc_info=True)
            os.kill(os.getpid(), signal.SIGTERM)
            raise

    async def _collect(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.collector = Collector(
            self.gateway, lock=GatewayLock(self.gateway), outbox=Outbox(_hand_over), policy=address_policy()
        )
        equipment_tasks.park_line = functools.partial(parked, self.collector, self.loop)
        await self.collector.run()

    def wake(self) -> None:
        if self.collector and self.loop and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.collector.wake)

    def stop(self) -> None:
        if self.collector and self.loop and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.collector.stop)
        self._thread.join(STOP_SECONDS)
        equipment_tasks.park_line = equipment_tasks.no_line


@contextmanager
def parked(collector: Collector, loop: asyncio.AbstractEventLoop, equipment_id: int) -> Iterator[None]:
    """For a thread beside the collector's: the machine's line is down inside."""

    def ask(coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout=PARK_SECONDS)

    try:
        ask(collector.park(equipment_id))
        yield
    finally:
        # Also when parking took too long: it goes on behind us, and a line must not stay down for ever.
        ask(collector.unpark(equipment_id))


def _hand_over(readings: str) -> None:
    current_app.send_task(STORE_TASK, [readings], queue="celery", retry=False)


# One per queue that this process serves; empty in every process but a poll worker.
running: list[PollWorker] = []


def list_collectors() -> list[Collector]:
    return [worker.collector for worker in running if worker.collector]


def _serve_figures(address: str, port: int) -> None:
    try:
        monitoring.serve_figures(address, port)
    except OSError as error:
        logger.error(
            "The figures cannot be served at %s:%s, METRICS_ADDRESS and METRICS_PORT: %s", address, port, error
        )
    else:
        monitoring.watch_collectors(list_collectors)


def start(gateway: str) -> None:
    if not running and settings.METRICS_PORT:
        _serve_figures(settings.METRICS_ADDRESS, settings.METRICS_PORT)
    worker = PollWorker(gateway)
    worker.start()
    running.append(worker)


def wake() -> None:
    for worker in running:
        worker.wake()


def stop() -> None:
    while running:
        running.pop().stop()
