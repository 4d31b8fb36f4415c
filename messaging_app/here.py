"""What Flask's proxies stand for, for the way that every request takes: an attribute through a proxy is three calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask import Flask, Request, current_app, g, request, session
from flask.ctx import _AppCtxGlobals
from flask.sessions import SessionMixin
from sqlalchemy import Engine


def _of(proxy: Any) -> Callable[[], Any]:
    """What `proxy` stands for at the moment; outside its context a RuntimeError, as the proxy raises."""
    return cast(Callable[[], Any], proxy._get_current_object)


app_here: Callable[[], Flask] = _of(current_app)
request_here: Callable[[], Request] = _of(request)
session_here: Callable[[], SessionMixin] = _of(session)
g_here: Callable[[], _AppCtxGlobals] = _of(g)


def engine_here() -> Engine:
    """The application's engine, as `create_app` has put it down."""
    engine: Engine = app_here().extensions["engine"]
    return engine


def loaded_here() -> Any:
    """Whom Flask-Login has loaded for this request; None where nobody asked it yet. It never looks anybody up."""
    return g_here().get("_login_user")
