"""What leaves for Sentry and OpenTelemetry holds nothing that people wrote, nor an address or a token.

Their packages are not installed here: events and spans have the shapes that sentry-sdk 2.75 and opentelemetry-sdk 1.45
gave to a collector of our own, which then recorded nothing of what had been written, signed or searched for.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from messaging_app.ops.tracing import Discreet, without_content

WORDS = "the gift is a violin"


def test_an_event_for_sentry_tells_type_place_and_who_but_no_words(web: Any) -> None:
    try:
        raise ValueError(f"invalid: {WORDS}")
    except ValueError as error:
        hint = {"exc_info": (type(error), error, error.__traceback__)}
    frames = [{"function": "send", "lineno": 1}]
    event = {
        "exception": {
            "values": [{"type": "ValueError", "value": f"invalid: {WORDS}", "stacktrace": {"frames": frames}}]
        },
        "request": {
            "method": "POST",
            "url": "https://messages.example/unsubscribe/a-signed-token",
            "query_string": f"q={WORDS}",
            "headers": {"Referer": f"https://messages.example/?q={WORDS}"},
            "data": WORDS,
        },
        "logentry": {"message": "failed for %s", "formatted": f"failed for {WORDS}", "params": [WORDS]},
        "extra": {"argv": [WORDS]},
        "breadcrumbs": {"values": [{"message": WORDS}]},
        "user": {"email": "cleo@mail.example"},
        "transaction": "store.send",
    }
    with web.app.test_request_context("/"):
        bare = without_content(event, hint)
    assert WORDS not in str(bare) and "a-signed-token" not in str(bare) and "cleo@" not in str(bare)
    assert bare["exception"]["values"] == [
        {"type": "ValueError", "value": "ValueError", "stacktrace": {"frames": frames}},
    ]
    assert (bare["request"], bare["transaction"]) == ({"method": "POST"}, "store.send")


def test_a_span_tells_route_status_and_times_but_no_address(web: Any) -> None:
    sent: list[Any] = []
    exporter = SimpleNamespace(export=sent.extend, shutdown=None, force_flush=None)

    class Status:
        def __init__(self, status_code: str, description: str | None = None) -> None:
            self.status_code, self.description = status_code, description

    attributes = {"http.method": "GET", "http.status_code": 200, "http.target": f"/unsubscribe/a-token?q={WORDS}"}
    parts = dict.fromkeys(("context", "parent", "resource", "kind", "instrumentation_scope"))
    times = {"start_time": 1, "end_time": 2}
    for route in ({"http.route": "/unsubscribe/<token>"}, {}):
        name = f"GET /unsubscribe/a-token?q={WORDS}"
        span = SimpleNamespace(
            name=name, attributes=attributes | route, status=Status("ERROR", WORDS), events=[WORDS], **parts, **times
        )
        Discreet(exporter, SimpleNamespace).export([span])
    for span in sent:
        assert WORDS not in str(vars(span)) and "a-token" not in str(vars(span))
        assert span.status.description is None and (span.start_time, span.end_time) == (1, 2)
    assert [span.name for span in sent] == ["GET /unsubscribe/<token>", "GET none"]
