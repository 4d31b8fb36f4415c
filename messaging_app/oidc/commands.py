"""The command `flask --app wsgi oidc check`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup

from messaging_app.oidc import callback_address, providers
from messaging_app.oidc.answers import ProviderDown
from messaging_app.policies import ROLES

oidc_group = AppGroup("oidc", help="Identity providers that admins and staff sign in with.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(oidc_group)


@oidc_group.command("check")
def check() -> None:
    """Fetch every provider's discovery document and keys, and print the redirect addresses to register there."""
    found, is_well = providers(), True
    if not found:
        click.echo("No identity provider is configured (MESSAGING_OIDC__NAME__ISSUER).")
    for provider in found.values():
        try:
            provider.discover()
            click.echo(f"{provider.name}: reached at {provider.issuer}")
        except ProviderDown:
            is_well = False
            click.echo(f"{provider.name}: {provider.last_failure}")
        for role in ROLES.values():
            if role.single_sign_on:
                click.echo(f"  redirect address: {callback_address(role, provider.name)}")
    if not is_well:
        raise SystemExit(1)
