"""The command line: `flask --app wsgi directory|demo|settings|check …`.

Each command calls one service. Results go to standard output, progress and errors to standard error. Every refusal ends
with status 1 and a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from pydantic_core import to_json
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, InternalError

from messaging_app import demo, directory
from messaging_app.doctor import runs
from messaging_app.errors import Invalid
from messaging_app.extensions import db
from messaging_app.search import indexing
from messaging_app.services import second_factor, settings, setup, trail
from messaging_app.services.attachments import storage
from messaging_app.storage import StorageUnavailable, storage_from_url
from messaging_app.storage.moving import move_files

directory_group = AppGroup("directory", help="Stores, staff, admins and customers from a file.")
demo_group = AppGroup("demo", help="The demo cast: some people and conversations to try things with.")
attachments_group = AppGroup("attachments", help="The files that were sent.")
admin_group = AppGroup("admin", help="Ways back in for admins and staff.")
audit_group = AppGroup("audit", help="The audit trail: who changed people, rights and settings.")
search_group = AppGroup("search", help="The index behind the search field.")
settings_group = AppGroup("settings", help="Platform settings, in force at once.")


def init_app(app: Flask) -> None:
    """Register the commands. Each group is listed here once; the JSON API adds `token`."""
    groups = (directory_group, demo_group, attachments_group, settings_group, admin_group, audit_group, search_group)
    for command in (*groups, check, setup_code):
        app.cli.add_command(command)


@directory_group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--keep-tokens", is_flag=True, help="Leave the API tokens of those whose password changes as they are.")
def import_directory(file: Path, keep_tokens: bool) -> None:
    """Add or change what FILE (JSON) lists: all of it or nothing. What it does not list stays as it is.

    A changed password signs its person out and ends their API tokens.
    """
    with sentences():
        changes = directory.import_file(file, progress=_progress, keep_tokens=keep_tokens)
    for noun in dict.fromkeys(noun for noun, _ in changes.counts):
        verbs = ", ".join(f"{count:,} {verb}" for (of, verb), count in changes.counts.items() if of == noun)
        click.echo(f"{noun}: {verbs}")


@demo_group.command("load")
@click.option("--if-empty", is_flag=True, help="Do nothing where there is anything already.")
def load_demo(if_empty: bool) -> None:
    """Load the demo cast into an empty database."""
    with sentences():
        if if_empty and not demo.is_empty():
            return
        loaded = demo.load(progress=_progress)
    click.echo("The demo cast is loaded." if loaded else "The demo cast is already loaded; nothing was changed.")
    if current_app.extensions["settings"].env == "production":
        click.echo("Its passwords are public. Do not let anybody reach this installation.", err=True)


@demo_group.command("show")
def show_demo() -> None:
    """Who may sign in where, with which password."""
    with sentences():
        for line in demo.sign_in_lines(current_app.extensions["settings"].public_url):
            click.echo(line)


@attachments_group.command("move")
@click.option("--to", "url", required=True, metavar="URL", help="A folder, or s3://bucket/prefix.")
def move_attachments(url: str) -> None:
    """Copy every file to another storage. May be interrupted and repeated; nothing is deleted here."""
    try:
        target = storage_from_url(url)
    except ValueError as error:
        raise click.ClickException(f"{error}.") from None
    with sentences():
        copied, already = move_files(storage(), target, _progress)
        click.echo(f"{copied:,} files copied, {already:,} were there already. Now set MESSAGING_STORAGE_URL={url}.")


@search_group.command("index")
def index_for_search() -> None:
    """Index what is not yet indexed, in small transactions. The worker does the same, a minute later at most."""
    with sentences():
        click.echo(f"{indexing.run(db.session):,} messages and names indexed.")


@settings_group.command("list")
def list_settings() -> None:
    """Every setting with the value in force."""
    with sentences():
        for key, value in settings.list_settings().items():
            click.echo(f"{key} = {str(value).lower()}")


@settings_group.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("key")
@click.argument("value")
def set_setting(key: str, value: str) -> None:
    """Set KEY to VALUE."""
    with sentences():
        settings.set_settings(None, {key: value})
        click.echo(f"{key} = {str(settings.get_setting(key)).lower()}")


@click.command("setup-code")
@with_appcontext
def setup_code() -> None:
    """Print a code that makes the first admin at /setup. It works once, for an hour; a newer one replaces it."""
    with sentences():
        click.echo(setup.make_code())
    click.echo(f"Enter it at {current_app.extensions['settings'].public_url}/setup within an hour.", err=True)


@admin_group.command("reset-factor")
@click.option("--email", required=True, help="Whose second factor was lost.")
def reset_factor(email: str) -> None:
    """Take the second factor from somebody who lost it; their password is enough until they set up a new one."""
    with sentences():
        second_factor.reset_by_email(email)
    click.echo(f"{email} signs in with the password alone now.")


@audit_group.command("verify")
def verify_audit() -> None:
    """Recompute the chain of hashes; status 1 and the number of the first bad entry where it is broken."""
    with sentences():
        bad = trail.verify()
    if bad is not None:
        raise click.ClickException(f"Entry {bad} is missing or not as it was written.")
    click.echo("The audit trail is whole.")


@audit_group.command("export")
def export_audit() -> None:
    """Write every entry to standard output as JSON lines, oldest first."""
    with sentences():
        trail.record_export(None)
        for entry in trail.all_entries():
            click.echo(to_json(trail.as_json(entry)).decode())


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be derived from the messages.")
@with_appcontext
def check(repair: bool) -> None:
    """Recompute every invariant; status 1 if one is broken."""
    with sentences():
        report = runs.examine_now(repair=repair)
    for line in report.lines:
        click.echo(line)
    if report.broken:
        raise SystemExit(1)


def _progress(line: str) -> None:
    click.echo(line, err=True)


@contextmanager
def sentences() -> Iterator[None]:
    """Turn a service's refusal, and a database that is not ready, into a sentence and status 1."""
    try:
        yield
    except (directory.DirectoryError, demo.NotEmpty) as error:
        raise click.ClickException(str(error)) from None
    except StorageUnavailable as error:
        raise click.ClickException(f"The storage refused: {error}.") from None
    except setup.AlreadySetUp as error:
        raise click.ClickException(error.explained()) from None
    except Invalid as error:
        raise click.ClickException("\n".join(str(fault.message) for fault in error.errors)) from None
    except UnicodeEncodeError:  # Python accepts such bytes as input but cannot write them
        raise click.ClickException("The input is not UTF-8.") from None
    except DatabaseError as error:
        if isinstance(error, IntegrityError | DataError | InternalError):
            raise  # a bug
        hint = "Is it up, and has `flask --app wsgi db upgrade` been run?"
        raise click.ClickException(f"The database refused: {error.orig}. {hint}") from None
