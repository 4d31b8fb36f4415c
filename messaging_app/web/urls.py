"""Parsing of untrusted URLs."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from messaging_app.policies import RolePolicy


def parts_of(address: str) -> SplitResult:
    """Return the parts of `address`. An invalid URL (`http://[`) has the scheme "invalid" and nothing else."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("invalid", "", "", "", "")


def local_path(address: str, role: RolePolicy) -> str | None:
    """Return `address` if it is a page of `role` on this server, otherwise None."""
    parts = parts_of(address)
    if parts.scheme or parts.netloc or "\\" in address or not address.isprintable():
        return None
    ours = parts.path == f"/{role.name}" or parts.path.startswith(f"/{role.name}/")
    return address if ours and not address.startswith("//") else None
