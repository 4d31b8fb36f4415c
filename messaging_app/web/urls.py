"""Addresses that come from outside, taken apart without trusting them."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def parts_of(address: str) -> SplitResult:
    """The parts of `address`. What is no address at all (`http://[`) has the scheme "invalid" and nothing else."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("invalid", "", "", "", "")
