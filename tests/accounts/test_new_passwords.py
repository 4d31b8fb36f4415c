"""Which passwords people may choose: 10 to 128 characters that are not among the most common, wherever they choose one."""

from __future__ import annotations

import pytest

from messaging_app.accounts.passwords import check_new
from messaging_app.errors import Invalid
from messaging_app.services import invitations
from tests.accounts.conftest import actions, arrived, browse, link_in
from tests.accounts.test_own_account import change
from tests.cast import EMAILS
from tests.post import Post

COMMON = "one of the 10,000 most common"


@pytest.mark.parametrize(
    "password",
    [
        "a" * 10,
        "b" * 128,
        "e\u0301" * 128,
        "\U0001f999" * 10,
        " " * 10,
        "correct horse",
        "123456789012345",
        "ſtrasse ß x",
    ],
)
def test_every_other_password_will_do(password: str) -> None:
    assert check_new(password) == password


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "too_short"),
        ("a" * 9, "too_short"),
        ("e\u0301" * 9, "too_short"),
        ("b" * 129, "too_long"),
        ("x" * 100_000, "too_long"),
        ("1234567890", "common"),
        ("QwertyUiop", "common"),
        ("password123", "common"),
        ("\ud800" * 12, "invalid"),
    ],
)
def test_what_is_too_short_too_long_or_too_common_is_refused(password: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_new(password)
    [error] = refused.value.errors
    assert (error.field, error.code) == ("password", code)


def test_a_common_one_is_refused_wherever_somebody_chooses(post: Post) -> None:
    """The first start has the same form (see test_setup)."""
    common, good = {"password": "Password123"}, {"password": "a new long one"}
    browser = browse(post)
    browser.get("/store/forgot")
    browser.post("/store/forgot", {"email": EMAILS["sam"]})
    reset = link_in(arrived(post)[0])
    invitations.invite(post.cast.ada, "noor@mail.example", "admin")
    invitation = link_in(arrived(post)[0])
    for path, more in ((reset, {}), (invitation, {"name": "Noor"})):
        browser.get(path)
        refused = browser.post(path, common | more)
        assert refused.status_code == 422 and COMMON in refused.text, path
        assert browser.post(path, good | more).status_code == 303, path
    inside = browse(post, "cleo", "storefront")
    refused = change(inside, "storefront", password="1q2w3e4r5t")
    assert refused.status_code == 422 and COMMON in refused.text
    assert not [action for _who, action, _whom in actions() if action == "password.changed"]
