"""The application factory: a map of the whole application, readable in one minute."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from messaging_app import api, bus, cli, config, formats, oidc
from messaging_app.accounts.cookies import RoleSessionInterface
from messaging_app.accounts.limits import limiter
from messaging_app.db.engine import engine_options
from messaging_app.db.query import Query
from messaging_app.extensions import babel, csrf, db, login, migrate
from messaging_app.extensions import htmx as htmx_extension
from messaging_app.formats import reader
from messaging_app.mail import worker
from messaging_app.oidc import commands
from messaging_app.ops import health, logs, metrics, request_log, tracing
from messaging_app.paths import resource
from messaging_app.policies import ROLES
from messaging_app.storage import storage_from_url
from messaging_app.web import bodies, error_pages, headers, htmx, static_files
from messaging_app.web.roles import mount_roles
from messaging_app.web.views import about, links, setup, stream, unsubscribe


def create_app(**overrides: object) -> Flask:
    """Return the application, ready to serve. `overrides` are fields of `Settings` that take precedence.

    Raises `ConfigurationError` with a sentence for an invalid setting.
    """
    settings = config.load_settings(**overrides)
    app = Flask("messaging_app", template_folder=str(resource("templates")), static_folder=None)
    instance = config.instance_folder(settings, Path(app.instance_path))
    app.config.update(_flask_config(settings, instance))
    app.url_map.merge_slashes = False  # its redirects would use the Host header
    app.extensions["settings"] = settings
    app.extensions["storage"] = storage_from_url(config.storage_url(settings, instance))

    _init_foundations(app, settings)
    _init_pages(app)
    if settings.proxies:
        trusted = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted)  # type: ignore[method-assign]
    cli.init_app(app)
    commands.init_app(app)
    worker.init_app(app)
    return app


def _flask_config(settings: config.Settings, instance: Path) -> dict[str, object]:
    """The settings of Flask and its extensions."""
    url = config.database_url(settings, instance)
    return {
        "SECRET_KEY": config.secret_key(settings, instance),
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(url),
        "SESSION_COOKIE_SECURE": settings.secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": max(role.absolute for role in ROLES.values()),  # the row decides, not the cookie
        "WTF_CSRF_CHECK_DEFAULT": False,  # checked by the roles' own hook, after the actor is known
        "WTF_CSRF_TIME_LIMIT": None,  # an inbox stays open for days
        "WTF_CSRF_SSL_STRICT": False,  # requires a Referer, which some browsers hide; see `check_origin`
        "WTF_I18N_ENABLED": False,  # otherwise every form reads WTForms' catalogue again; ours come from Flask-Babel
        "SESSION_PROTECTION": None,  # phones change addresses all day; the session's row decides
        "MAX_CONTENT_LENGTH": 1024 * 1024,  # larger only for file uploads: see `check_door`
        "MAX_FORM_MEMORY_SIZE": 512 * 1024,
        "MAX_FORM_PARTS": 100,
        "BABEL_DEFAULT_LOCALE": "en",
        "TEMPLATES_AUTO_RELOAD": settings.env == "development",
    }


def _init_foundations(app: Flask, settings: config.Settings) -> None:
    """Set up the foundations: logs, database, sessions, languages, limits, live events."""
    logs.init_app(app)
    request_log.init_app(app)
    tracing.init_app(app)
    db.init_app(app)
    Query.through_session = settings.plain_queries
    migrate.init_app(app, db, directory=str(resource("migrations")), render_as_batch=True, compare_type=True)
    app.session_interface = RoleSessionInterface()
    login.init_app(app)
    csrf.init_app(app)
    htmx_extension.init_app(app)
    babel.init_app(app, locale_selector=reader.locale_of_person, timezone_selector=reader.zone_of_person)
    limiter.init_app(app)
    bus.init_app(app)
    oidc.init_app(app)


def _init_pages(app: Flask) -> None:
    """What answers requests: headers, files, templates, the roles' pages, the API."""
    headers.init_app(app)
    static_files.init_app(app)
    formats.init_app(app)
    about.init_app(app)
    htmx.init_app(app)
    error_pages.init_app(app)
    stream.init_app(app)
    health.init_app(app)
    metrics.init_app(app)
    setup.init_app(app)
    mount_roles(app)
    links.init_app(app)
    unsubscribe.init_app(app)
    api.init_app(app)
    bodies.init_app(app)
