FROM node:22-slim AS vendor
WORKDIR /vendor
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    UVICORN_HOST=0.0.0.0 \
    UVICORN_PORT=8000
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin bakery
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY manage.py ./
COPY alerts alerts
COPY bakery_iot bakery_iot
COPY connectors connectors
COPY equipment equipment
COPY telemetry telemetry
COPY templates templates
COPY static static
COPY --from=vendor /vendor/node_modules/uplot/dist/uPlot.iife.min.js /vendor/node_modules/uplot/dist/uPlot.min.css static/vendor/
# The settings ask for servers and keys; collecting files uses none of them.
RUN SECRET_KEY=none FIELD_ENCRYPTION_KEYS=none DATABASE_URL=postgres://none/none REDIS_URL=redis://none \
    python manage.py collectstatic --no-input --verbosity 0
USER bakery
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["python", "bakery_iot/healthcheck.py"]
CMD ["uvicorn", "bakery_iot.asgi:application", "--log-level", "warning", "--no-access-log", "--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "5", "--http", "bakery_iot.doorkeeper:HttpLine", "--ws", "bakery_iot.doorkeeper:SocketLine"]
