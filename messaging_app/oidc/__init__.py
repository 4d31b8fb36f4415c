"""Sign-in through identity providers (OpenID Connect). Its libraries are loaded only if a provider is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, current_app

from messaging_app.errors import NotFound

if TYPE_CHECKING:
    from messaging_app.oidc.provider import Provider
    from messaging_app.policies import RolePolicy


def init_app(app: Flask) -> None:
    """Create the configured providers. Sends no request to them yet."""
    found: dict[str, Provider] = {}
    if app.extensions["settings"].oidc:
        from messaging_app.oidc.provider import Provider  # imported here because the libraries are an extra

        found = {name: Provider(name, configured) for name, configured in app.extensions["settings"].oidc.items()}
    app.extensions["oidc"] = found


def providers() -> dict[str, Provider]:
    """Return the configured providers by name, in the order of the configuration."""
    found: dict[str, Provider] = current_app.extensions["oidc"]
    return found


def callback_address(role: RolePolicy, name: str) -> str:
    """Return the callback URL of a role, which the operator registers at the provider."""
    return f"{current_app.extensions['settings'].public_url}{role.login}/oidc/{name}/callback"


def get_provider(name: str) -> Provider:
    """Return the provider with this name. Raises `NotFound`."""
    found = providers().get(name)
    if found is None:
        raise NotFound
    return found
