"""Where the files that are not Python live: templates, static files, migrations."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The folder or file `name`, such as "templates", "static" or "migrations/alembic.ini".

    An installed wheel carries them inside the package, a checkout beside it. Raises FileNotFoundError
    if neither has it, which means a broken installation.
    """
    for root in (_PACKAGE / "_resources", _PACKAGE.parent):
        path = root / name
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is missing from this installation of messaging_app")
