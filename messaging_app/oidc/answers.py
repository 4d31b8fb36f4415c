"""The results of a sign-in through a provider: a profile, or one of these refusals."""

from __future__ import annotations

from typing import NamedTuple

from flask_babel import lazy_gettext as _

from messaging_app.errors import Refusal, Unavailable
from messaging_app.oidc.settings import Grant


class Begun(NamedTuple):
    """A sign-in in progress; the browser keeps this until it comes back. `at` is in seconds since the epoch."""

    state: str
    nonce: str
    verifier: str
    at: float


class Profile(NamedTuple):
    """A person as the provider knows them. `issuer` and `subject` are the identity; everything else may change.

    `email` is "" unless the provider has verified it. `grants` are the rights that the configuration maps their groups to.
    """

    issuer: str
    subject: str
    email: str
    name: str
    grants: frozenset[Grant]


class ProviderDown(Unavailable):
    """The provider cannot be reached, is too slow, or its response cannot be parsed."""

    code = "provider_down"
    words = _("%(provider)s cannot be reached right now. Try again in a few minutes, or sign in with your password.")

    def __init__(self, label: str) -> None:
        super().__init__(str(self.words) % {"provider": label})


class AnswerRefused(Refusal):
    """The provider's response failed a check and is not trusted."""

    status = 400
    code = "answer_refused"
    words = _("Sign-in with %(provider)s did not work. Please try again.")

    def __init__(self, label: str) -> None:
        super().__init__(str(self.words) % {"provider": label})
