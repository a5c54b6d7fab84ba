"""HTTP and the socket. The socket checks the token, or the origin and the session."""

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bakery_iot.settings")
django.setup(set_prefix=False)

# The consumers import models, which only exist once Django is set up above.
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
