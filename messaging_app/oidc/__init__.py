"""Sign-in through identity providers by OpenID Connect. Without a configured provider nothing of it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, current_app

from messaging_app.errors import NotFound

if TYPE_CHECKING:
    from messaging_app.oidc.provider import Provider
    from messaging_app.policies import RolePolicy


def init_app(app: Flask) -> None:
    """Make the configured providers. Asks none of them yet."""
    found: dict[str, Provider] = {}
    if app.extensions["settings"].oidc:
        from messaging_app.oidc.provider import Provider  # imported here because the libraries are an extra

        found = {name: Provider(name, configured) for name, configured in app.extensions["settings"].oidc.items()}
    app.extensions["oidc"] = found


def providers() -> dict[str, Provider]:
    """Return the configured providers by their names, in the order of the configuration."""
    found: dict[str, Provider] = current_app.extensions["oidc"]
    return found


def callback_address(role: RolePolicy, name: str) -> str:
    """Return our callback address, which is registered at the provider."""
    return f"{current_app.extensions['settings'].public_url}{role.login}/oidc/{name}/callback"


def get_provider(name: str) -> Provider:
    """Return one provider. Raises `NotFound`."""
    found = providers().get(name)
    if found is None:
        raise NotFound
    return found
