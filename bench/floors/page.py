"""The least that Django under uvicorn can do: an asynchronous view that gives the bytes in BENCH_BODY to everybody."""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import re_path

from bench.floors import BODY


async def give(request: HttpRequest) -> HttpResponse:
    return HttpResponse(os.environ[BODY].encode(), content_type="application/json")


urlpatterns = [re_path("", give)]

settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="there is no secret here", MIDDLEWARE=[]
)
application = get_asgi_application()
