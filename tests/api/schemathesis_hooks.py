"""Real files for Schemathesis to send, so that it comes past the door where files are looked at."""

from __future__ import annotations

import io

import schemathesis
from hypothesis import strategies as st
from PIL import Image


def picture() -> bytes:
    """The smallest PNG that is looked at and found well."""
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(data, "PNG")
    return data.getvalue()


# A list, for the part may come several times.
schemathesis.openapi.media_type("image/png", st.lists(st.just(picture()), min_size=1, max_size=2))
