"""HTTP and the socket. The socket checks the token, or the origin and the session."""

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bakery_iot.settings")
django.setup(set_prefix=False)

# The consumers import models, which only exist once Django is set up above.
from bakery_iot.garbage import spare_what_is_loaded  # noqa: E402
from bakery_iot.request_threads import RequestThreads, StraightHandler  # noqa: E402
from bakery_iot.sockets import SocketAuthentication  # noqa: E402
from telemetry.routing import websocket_urlpatterns  # noqa: E402

request_threads = RequestThreads(StraightHandler())
application = ProtocolTypeRouter(
    {
        "http": request_threads,
        "websocket": SocketAuthentication(URLRouter(websocket_urlpatterns)),
    }
)

# Now, and not in the first request.
get_resolver().url_patterns  # noqa: B018
spare_what_is_loaded()
