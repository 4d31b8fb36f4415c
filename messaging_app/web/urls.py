"""Parsing of untrusted URLs."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def parts_of(address: str) -> SplitResult:
    """Return the parts of `address`. An invalid URL (`http://[`) has the scheme "invalid" and nothing else."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("invalid", "", "", "", "")
