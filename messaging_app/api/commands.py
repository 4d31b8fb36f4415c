"""The command `flask --app wsgi token create`."""

from __future__ import annotations

from datetime import timedelta

import click
from flask import Flask
from flask.cli import AppGroup

from messaging_app.accounts import tokens
from messaging_app.actors import ActorType
from messaging_app.cli import sentences

token_group = AppGroup("token", help="Tokens with which programs use the API.")


def init_app(app: Flask) -> None:
    """Register the command."""
    app.cli.add_command(token_group)


@token_group.command("create")
@click.option("--role", required=True, type=click.Choice([str(kind) for kind in ActorType]), help="Who it speaks for.")
@click.option("--email", required=True, help="The person's e-mail.")
@click.option("--store", metavar="CODE", help="The store; needed for a customer and for staff of several stores.")
@click.option("--name", default="command line", show_default=True, help="What it is for.")
@click.option("--days", type=click.IntRange(1, 3650), help="Ends after so many days; otherwise when it is revoked.")
def create(role: str, email: str, store: str | None, name: str, days: int | None) -> None:
    """Create a token and print it, alone on standard output. It cannot be shown again."""
    kind = ActorType(role)
    with sentences():
        person_id, store_id = tokens.find_person(kind, email, store)
        token = tokens.create_token(kind, person_id, store_id, name, timedelta(days=days) if days else None)
    click.echo(token)
