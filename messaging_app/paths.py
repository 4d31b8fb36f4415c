"""Where the non-Python files are: templates, static files, migrations."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Return the folder or file `name`, such as "templates", "static" or "migrations/alembic.ini".

    A wheel contains them inside the package, a checkout next to it. Raises FileNotFoundError for a broken installation.
    """
    for root in (_PACKAGE / "_resources", _PACKAGE.parent):
        path = root / name
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is missing from this installation of messaging_app")
