"""Sentry and OpenTelemetry, each only if its variable is set and its package installed. Neither receives content.

By default both send user content: Sentry the text of an error and the URL with its query, OpenTelemetry the URL. Here
they get only what our own logs contain: type and location of an error, route, method, status, request, actor.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from flask import Flask, has_request_context

from messaging_app.config import ConfigurationError
from messaging_app.ops import request_log
from messaging_app.ops.logs import describe

ATTRIBUTES = ("http.method", "http.request.method", "http.route", "http.status_code", "http.response.status_code")


def init_app(app: Flask) -> None:
    """Start reporting if the settings say so. Raises `ConfigurationError` if a package is missing."""
    settings = app.extensions["settings"]
    if settings.sentry_dsn is not None:
        sentry = _need("sentry_sdk", "MESSAGING_SENTRY_DSN", "sentry-sdk[flask]")
        sentry.init(
            dsn=settings.sentry_dsn.get_secret_value(),
            environment=settings.env,
            send_default_pii=False,
            max_request_body_size="never",  # bodies, local variables and breadcrumbs contain user data
            include_local_variables=False,
            max_breadcrumbs=0,
            before_send=without_content,
        )
    if settings.otel_endpoint is not None:
        _trace(app, settings.otel_endpoint)


def without_content(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """Return an event for Sentry with no more than a line of our log."""
    for name in ("extra", "user", "breadcrumbs"):
        event.pop(name, None)
    if "request" in event:
        event["request"] = {"method": event["request"].get("method")}
    if "logentry" in event:
        event["logentry"] = {"message": event["logentry"].get("message")}  # with placeholders, without values
    errors = event.get("exception", {}).get("values", [])
    for error in errors:
        error["value"] = ""
        error.pop("mechanism", None)
    if errors and hint.get("exc_info"):
        errors[-1]["value"] = describe(hint["exc_info"][1])
    passage = {"request_id": request_log.request_id(), "actor": request_log.actor() if has_request_context() else None}
    event["tags"] = {name: value for name, value in passage.items() if value}
    return event


class Discreet:
    """An exporter for OpenTelemetry that keeps route, method, status and times, but no URLs or error texts."""

    def __init__(self, exporter: Any, span_type: Any) -> None:
        self._exporter, self._span_type = exporter, span_type
        self.shutdown, self.force_flush = exporter.shutdown, exporter.force_flush

    def export(self, spans: Sequence[object]) -> object:
        """Export `spans` without content."""
        return self._exporter.export([self._bare(span) for span in spans])

    def _bare(self, span: Any) -> Any:
        kept = {name: span.attributes[name] for name in ATTRIBUTES if name in span.attributes}
        method = kept.get("http.method") or kept.get("http.request.method") or "HTTP"
        return self._span_type(
            name=f"{method} {kept.get('http.route', 'none')}",
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=kept,
            kind=span.kind,
            status=type(span.status)(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )


def _trace(app: Flask, endpoint: str) -> None:
    packages = "opentelemetry-sdk opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation-flask"

    def need(module: str) -> Any:
        return _need(f"opentelemetry.{module}", "MESSAGING_OTEL_ENDPOINT", packages)

    resource = need("sdk.resources").Resource.create({"service.name": "messaging"})
    provider = need("sdk.trace").TracerProvider(resource=resource)
    exporter = need("exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    discreet = Discreet(exporter, need("sdk.trace").ReadableSpan)
    provider.add_span_processor(need("sdk.trace.export").BatchSpanProcessor(discreet))
    need("instrumentation.flask").FlaskInstrumentor().instrument_app(app, tracer_provider=provider)


def _need(module: str, variable: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigurationError(
            f"{variable} is set, but its packages are not installed: pip install {package}"
        ) from None
