"""Sentry and OpenTelemetry, each only where its variable is set and its package is installed. Neither gets content."""

from __future__ import annotations

import importlib
from typing import Any

from flask import Flask

from messaging_app.config import ConfigurationError


def init_app(app: Flask) -> None:
    """Begin to report where settings say so. Raises `ConfigurationError` where a package is missing."""
    settings = app.extensions["settings"]
    if settings.sentry_dsn is not None:
        sentry = _need("sentry_sdk", "MESSAGING_SENTRY_DSN", "sentry-sdk[flask]")
        sentry.init(
            dsn=settings.sentry_dsn.get_secret_value(),
            environment=settings.env,
            send_default_pii=False,
            max_request_body_size="never",  # bodies, local variables and breadcrumbs hold what people wrote
            include_local_variables=False,
            max_breadcrumbs=0,
        )
    if settings.otel_endpoint is not None:
        _trace(app, settings.otel_endpoint)


def _trace(app: Flask, endpoint: str) -> None:
    packages = "opentelemetry-sdk opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation-flask"

    def need(module: str) -> Any:
        return _need(f"opentelemetry.{module}", "MESSAGING_OTEL_ENDPOINT", packages)

    resource = need("sdk.resources").Resource.create({"service.name": "messaging"})
    provider = need("sdk.trace").TracerProvider(resource=resource)
    exporter = need("exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    provider.add_span_processor(need("sdk.trace.export").BatchSpanProcessor(exporter))
    need("instrumentation.flask").FlaskInstrumentor().instrument_app(app, tracer_provider=provider)


def _need(module: str, variable: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigurationError(
            f"{variable} is set, but its packages are not installed: pip install {package}"
        ) from None
