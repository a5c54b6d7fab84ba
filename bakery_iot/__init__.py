"""Wiring: the only room that sees all the others."""

from bakery_iot.celery import app as celery_app

__all__ = ["celery_app"]
