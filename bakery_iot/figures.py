"""`/metrics`: what Prometheus reads. Only with the token; without one in the settings there is no such page."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from telemetry.monitoring import GatewayFigures

_gateways = CollectorRegistry()
_gateways.register(GatewayFigures())


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """This process's own figures, and the load of every gateway."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("There is no such page: METRICS_TOKEN is not set.\n", status=404, content_type="text/plain")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        refusal = HttpResponse("Send the METRICS_TOKEN of the settings, as Authorization: Bearer …\n", status=401)
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    return HttpResponse(generate_latest(REGISTRY) + generate_latest(_gateways), content_type=CONTENT_TYPE_LATEST)
