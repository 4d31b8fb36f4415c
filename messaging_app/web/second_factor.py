"""The data of the security page's section on the second factor."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from flask import request

from messaging_app.accounts import passkeys
from messaging_app.accounts.totp import Offer
from messaging_app.actors import Actor
from messaging_app.policies import policy_of
from messaging_app.services import second_factor
from messaging_app.services.second_factor import Factors
from messaging_app.web.forms.account import AppCodeForm, PasskeyForm
from messaging_app.web.htmx import signed_in
from messaging_app.web.urls import local_path


@dataclass(slots=True)
class SecondFactorPart:
    """The data of `account/_second_factor.html`. `codes` are new recovery codes, shown only once."""

    factors: Factors
    offer: Offer | None
    needed_from: datetime | None
    next_url: str
    passkeys_possible: bool
    code_form: AppCodeForm
    passkey_form: PasskeyForm
    codes: list[str] = field(default_factory=list)


def part_of(
    actor: Actor,
    *,
    codes: list[str] | None = None,
    code_form: AppCodeForm | None = None,
    passkey_form: PasskeyForm | None = None,
) -> SecondFactorPart:
    """Return the section's data for `actor`, with forms as submitted or empty."""
    factors = second_factor.factors_of(actor.id)
    return SecondFactorPart(
        factors,
        None if factors.app_since else second_factor.offer(actor, signed_in.session_id, signed_in.email),
        None if factors.is_on else signed_in.factor_needed_from,
        local_path(request.values.get("next", ""), policy_of(actor)) or "",
        passkeys.are_possible(),
        code_form or AppCodeForm(formdata=None),
        passkey_form or PasskeyForm(formdata=None),
        codes or [],
    )
