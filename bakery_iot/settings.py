"""Every setting, read from the environment. A missing or bad value stops the start with a sentence.

Only services, commands and this package read settings; they are passed on as arguments from there.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from bakery_iot.content_policy import DIRECTIVES
from bakery_iot.logs import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()


def required(name: str, what_to_do: str, when_debugging: str) -> str:
    """The variable's value; with DEBUG on a stand-in, so that a developer's shell needs no environment."""
    value = str(env.str(name, default=when_debugging if DEBUG else ""))
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {what_to_do} See .env.example.")
    return value


DEBUG: bool = env.bool("DEBUG", default=False)
SECRET_KEY = required("SECRET_KEY", "Set it to a long random text and keep it secret.", "insecure-debug-key")
# Newest first: the first encrypts, all decrypt. Put a new key in front to rotate.
FERNET_KEYS: list[str] = [
    key
    for key in required(
        "FIELD_ENCRYPTION_KEYS",
        "It encrypts the machines' credentials: set it to a long random text, or to several, newest first.",
        "insecure-debug-key",
    ).split(",")
    if key
]

DATABASE_URL = required("DATABASE_URL", "Give the PostgreSQL server, as postgres://user:password@host:5432/name.", "-")
REDIS_URL = required("REDIS_URL", "Give the Redis server, as redis://host:6379/0.", "redis://127.0.0.1:6379/0")
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url_config("postgres:///bakery_iot" if DATABASE_URL == "-" else DATABASE_URL)
}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL server: the readings are partitioned tables.")
DATABASES["default"].update(
    # A database that hangs must look like one that is away, or the poll worker would wait with it.
    OPTIONS={
        "connect_timeout": 5,
        "tcp_user_timeout": 10_000,
        # Of all statements only the store's is prepared; planning it anew for each batch would cost more than it does.
        "options": "-c statement_timeout=60000 -c plan_cache_mode=force_generic_plan",
        "prepare_threshold": 5,
        **DATABASES["default"].get("OPTIONS", {}),
    },
    CONN_MAX_AGE=60,
    CONN_HEALTH_CHECKS=True,
)

ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_COOKIES: bool = env.bool("SECURE_COOKIES", default=not DEBUG)
# Which addresses the server may dial when a manager enters them. Link-local and metadata addresses never.
ALLOW_LOOPBACK_MACHINES: bool = env.bool("ALLOW_LOOPBACK_MACHINES", default=False)
ALLOW_PRIVATE_MACHINES: bool = env.bool("ALLOW_PRIVATE_MACHINES", default=True)

# Where people open the pages: messages link there.
PUBLIC_URL: str = env.str("PUBLIC_URL", default="").rstrip("/") or (
    CSRF_TRUSTED_ORIGINS[0] if CSRF_TRUSTED_ORIGINS else f"{'https' if SECURE_COOKIES else 'http'}://{ALLOWED_HOSTS[0]}"
)

EMAIL_URL: str = env.str("EMAIL_URL", default="")
if EMAIL_URL and EMAIL_URL.partition("://")[0] not in ("smtp", "smtp+tls", "smtp+ssl"):
    raise ImproperlyConfigured("EMAIL_URL must look like smtp+tls://user:password@host:587. See .env.example.")
_mail: dict[str, Any] = env.email_url_config(EMAIL_URL) if EMAIL_URL else {}
EMAIL_HOST: str = _mail.get("EMAIL_HOST") or ""  # empty: no mail is sent, and the pages say so
EMAIL_USE_TLS: bool = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = _mail.get("EMAIL_USE_SSL", False)
EMAIL_PORT: int = _mail.get("EMAIL_PORT") or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25)
EMAIL_HOST_USER: str = _mail.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD: str = _mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_TIMEOUT = 10  # of each step: a server that hangs must not outlast the lease of a message
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="") or f"bakery_iot <alerts@{ALLOWED_HOSTS[0]}>"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # its default config would put its own admin site in place of ours
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "auditlog",
    "django_celery_beat",
    "axes",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "bakery_iot.apps.BakeryIotConfig",
    "bakery_iot.apps.BakeryAdminConfig",
    "equipment",
    "telemetry",
    "alerts",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "bakery_iot.middleware.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "bakery_iot.second_factor.SecondFactorMiddleware",
    "bakery_iot.middleware.AuditTrailMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "bakery_iot.urls"
ASGI_APPLICATION = "bakery_iot.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# Whoever guesses is slowed down by user name and address together: by address alone, one forgetful baker would lock
# out all tablets of the shop; by name alone, anybody could lock out anybody.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "bakery_iot.lockout.say_how_long"
AXES_CLIENT_IP_CALLABLE = "bakery_iot.lockout.address_of"
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "sign_in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Without DEBUG the pages work before `collectstatic` too: whitenoise then serves the source folders.
WHITENOISE_USE_FINDERS = True

BEHIND_PROXY: bool = env.bool("BEHIND_PROXY", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30  # a wall tablet must not ask for a password at 3 in the morning
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# Only a proxy tells us which requests came by https; without one we would send them round in circles.
SECURE_SSL_REDIRECT = SECURE_COOKIES and BEHIND_PROXY
SECURE_REDIRECT_EXEMPT = [r"^health$", r"^metrics$"]  # asked from inside, past the proxy
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=60 * 60 * 24 * 365 if SECURE_COOKIES else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.bool("HSTS_SUBDOMAINS", default=SECURE_HSTS_SECONDS > 0)
# Lines open to one web process, pages' sockets among them. A proxy in front is one address for all.
MOST_LINES: int = env.int("MOST_LINES", default=4000)
MOST_LINES_PER_ADDRESS: int = env.int("MOST_LINES_PER_ADDRESS", default=MOST_LINES if BEHIND_PROXY else 1000)
MOST_SOCKETS_PER_USER: int = env.int("MOST_SOCKETS_PER_USER", default=200)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {"DIRECTIVES": DIRECTIVES}
# Managers must have a second factor; the others may. Without it, whoever has set one up is still asked for it.
REQUIRE_TWO_FACTOR: bool = env.bool("REQUIRE_TWO_FACTOR", default=False)
OTP_TOTP_ISSUER = "bakery_iot"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "bakery_iot.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["equipment.permissions.BelongsToABakery"],
    "DEFAULT_RENDERER_CLASSES": ["bakery_iot.renderers.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {
        "sign-in": "10/min",
        "test-connection": "30/min",
        "test-message": "10/min",
        "ingest": "600/min",
    },
    "EXCEPTION_HANDLER": "bakery_iot.api.problem_details",
}
KNOX_TOKEN_MODEL = "knox.AuthToken"
REST_KNOX = {"TOKEN_TTL": timedelta(days=90)}
SPECTACULAR_SETTINGS = {
    "TITLE": "bakery_iot",
    "DESCRIPTION": "Machines, what they say, what they bake and what is wrong with them. Sign in with a token from "
    "`POST /api/v1/auth/token`. Units: °C, %, kWh, kg, minutes. Moments are UTC. Unknown is null, and never 0.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",  # 3.0 has no word for null where there are several types
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["bakery_iot.openapi.without_trailing_slash"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "bakery_iot.openapi.complete",
    ],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "ConnectionStatusEnum": "equipment.models.IoTConnectionStatus",
        "AlertStatusEnum": "alerts.kinds.AlertStatus",
        "SeverityEnum": "alerts.kinds.Severity",
        "LowestSeverityEnum": "alerts.notification_models.Lowest",
        "StatusEnum": ["connected", "disconnected", "error"],  # of a connection test
    },
}

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
}
CELERY_BROKER_URL = CELERY_RESULT_BACKEND = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = 300
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Above the longest pause of a retried task; what a killed worker held comes back after it.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 120, "socket_timeout": 10, "socket_connect_timeout": 5}
CELERY_REDIS_SOCKET_TIMEOUT = 10.0
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_TIMEZONE = "UTC"

# The secret's presence is recorded, never a part of it: the library's own mask leaves half of the text readable.
AUDITLOG_MASK_CALLABLE = "equipment.fields.mask"
AUDITLOG_INCLUDE_ALL_MODELS = False
AUDITLOG_DISABLE_ON_RAW_SAVE = True  # loaddata brings back what was, and changes nothing

LOG_FORMAT: str = env.str("LOG_FORMAT", default="line")
if LOG_FORMAT not in ("line", "json"):
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}, but must be line or json. See .env.example.")
LOGGING = logging_settings(LOG_FORMAT)

# Prometheus reads /metrics with this token; without one there is no such page.
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
# Where a poll worker serves its own figures, to whoever reaches that address. Without a port it does not.
METRICS_ADDRESS: str = env.str("METRICS_ADDRESS", default="127.0.0.1")
METRICS_PORT: int | None = env.int("METRICS_PORT", default=None)
