"""What comes of asking a provider who somebody is: a profile, or one of these refusals."""

from __future__ import annotations

from typing import NamedTuple

from flask_babel import lazy_gettext as _

from messaging_app.errors import Refusal, Unavailable
from messaging_app.oidc.settings import Grant


class Begun(NamedTuple):
    """A sign-in that was begun; the browser keeps this until it comes back. `at` is in seconds since the epoch."""

    state: str
    nonce: str
    verifier: str
    at: float


class Profile(NamedTuple):
    """Who somebody is to a provider. `issuer` and `subject` are the identity; all else may change.

    `email` is "" unless the provider has verified it. `grants` is what the person's groups give by the table.
    """

    issuer: str
    subject: str
    email: str
    name: str
    grants: frozenset[Grant]


class ProviderDown(Unavailable):
    """The provider cannot be reached, is too slow, or says nothing that can be read."""

    code = "provider_down"
    words = _("%(provider)s cannot be reached right now. Try again in a few minutes, or sign in with your password.")

    def __init__(self, label: str) -> None:
        super().__init__(str(self.words) % {"provider": label})


class AnswerRefused(Refusal):
    """The provider's answer is not one that can be trusted."""

    status = 400
    code = "answer_refused"
    words = _("The answer of %(provider)s could not be accepted. Please try again.")

    def __init__(self, label: str) -> None:
        super().__init__(str(self.words) % {"provider": label})
