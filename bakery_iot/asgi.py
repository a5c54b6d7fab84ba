"""HTTP and the socket. The socket checks the token, or the origin and the session."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bakery_iot.settings")
django_application = get_asgi_application()

# The consumers import models, which only exist once Django is set up above.
from bakery_iot.request_threads import RequestThreads  # noqa: E402
from bakery_iot.sockets import SocketAuthentication  # noqa: E402
from telemetry.routing import websocket_urlpatterns  # noqa: E402

request_threads = RequestThreads(django_application)
application = ProtocolTypeRouter(
    {
        "http": request_threads,
        "websocket": SocketAuthentication(URLRouter(websocket_urlpatterns)),
    }
)
