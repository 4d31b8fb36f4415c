"""Reasons for conversations: which ones an actor can choose, and whether the chosen one fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flask_babel import lazy_gettext as _
from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from messaging_app.actors import Actor
from messaging_app.errors import ContextRequired, FieldError, Invalid, NotFound, ReasonRequired
from messaging_app.extensions import db
from messaging_app.models import ReasonList
from messaging_app.models.context import Held, Named
from messaging_app.models.reason import Reason, in_force
from messaging_app.models.scope import stored
from messaging_app.policies import RolePolicy, policy_of
from messaging_app.services import contexts, starts
from messaging_app.services.settings import parse_or_default

UNKNOWN = _("Choose a reason from the list.")
_KINDS = {
    "order": _("orders"),
    "return": _("returns"),
    "product": _("products"),
    "payout": _("payouts"),
    "other": _("other matters"),
}
_BEGINNERS = {"customer": _("customers"), "store": _("stores"), "platform": _("the platform")}


class KindAndState(NamedTuple):
    """The part of a context that reasons depend on. `state` is None if none was stated."""

    kind: str
    state: str | None = None


class Offered(NamedTuple):
    """A reason in a list. `because` says why it does not fit; "" if it does."""

    reason: Reason
    because: str

    @property
    def allowed(self) -> bool:
        """Whether a conversation can begin with it."""
        return not self.because


class Offer(NamedTuple):
    """The reasons that an actor can choose from, and whether they must give one."""

    reasons: list[Offered]
    is_required: bool


def offer(actor: Actor, recipient_type: str | None = None, matter: KindAndState | None = None) -> Offer:
    """Return the reasons for the actor's side, those that do not fit with an explanation. One statement."""
    policy = policy_of(actor)
    is_required, reasons = _rules(db.session(), policy)
    own = [reason for reason in reasons if policy.party in reason.sides]
    is_required = (is_required or recipient_type in policy.always_with_reason) and any(
        _is_for(one, policy, recipient_type) for one in own
    )
    return Offer([Offered(one, why_not(one, policy, recipient_type, matter)) for one in own], is_required)


def offer_all(actor: Actor, recipient_type: str | None = None, matter: KindAndState | None = None) -> list[Offered]:
    """Return all reasons, including those of other sides. One statement."""
    policy = policy_of(actor)
    reasons = ReasonList.current(db.session())
    return [Offered(reason, why_not(reason, policy, recipient_type, matter)) for reason in reasons]


def matter_of(actor: Actor, kind: str, reference: str) -> KindAndState | None:
    """Return the kind and state of the named context; None without a name. Raises `NotFound` for another customer's."""
    if not reference:
        return KindAndState(kind) if kind else None
    if not policy_of(actor).names_any_context:
        own = starts.find_offered(actor, Named(kind, reference))
        if own is None:
            raise NotFound
        return KindAndState(own.kind, own.state)
    name = contexts.named(kind, reference)
    found = contexts.find_by_name(actor, name)
    return KindAndState(name.kind, found.state if found else None)


def choose(
    session: Session, actor: Actor, code: str, recipient_type: str, about: Held | None, says_why: str | None
) -> Reason | None:
    """Return the reason for a new conversation of `actor`; None if they give none and need none.

    `says_why` is the setting that requires one, as stored. Raises `ReasonRequired`, `ContextRequired`, and `Invalid` on
    field `reason` if it is unknown, of another side, or does not fit. One statement, usually none without a reason.
    """
    policy, key = policy_of(actor), policy_of(actor).reason_required_by
    always = recipient_type in policy.always_with_reason
    is_required = always or bool(key and parse_or_default(key, says_why))
    if not (code or is_required):
        return None
    reasons, reason = ReasonList.current(session), None
    if code:
        matter = KindAndState(about.snapshot["kind"], about.snapshot["state"]) if about else None
        reason = _fitting(policy, code, reasons, recipient_type, matter)
    elif any(_is_for(one, policy, recipient_type) for one in reasons):
        raise ReasonRequired
    if is_required and policy.context_with_reason and not always and about is None:
        raise ContextRequired
    return reason


def why_not(reason: Reason, policy: RolePolicy, recipient_type: str | None, matter: KindAndState | None) -> str:
    """Return a sentence that says why a reason does not fit; "" if it does."""
    if policy.party not in reason.sides:
        return str(_("Only %(parties)s can begin with this.", parties=_listed(_BEGINNERS, reason.sides)))
    if not _is_for(reason, policy, recipient_type):
        return str(_("Only for messages to %(parties)s.", parties=_listed(_BEGINNERS, reason.recipients)))
    wrong_kind = reason.kinds and (matter is None or matter.kind not in reason.kinds)
    state = (matter.state or "").casefold() if matter else ""
    wrong_state = reason.states and state not in (one.casefold() for one in reason.states)
    if not (wrong_kind or wrong_state):
        return ""
    sentence = _limits(reason)
    if wrong_kind or matter is None:
        return sentence
    now = (
        _("This one is “%(state)s”.", state=matter.state) if matter.state else _("The state of this one is not known.")
    )
    return f"{sentence} {now}"


def _is_for(reason: Reason, policy: RolePolicy, recipient_type: str | None) -> bool:
    """Whether a role may use a reason, and to this kind of recipient; None for any."""
    return policy.party in reason.sides and (
        not (recipient_type and reason.recipients) or recipient_type in reason.recipients
    )


def _fitting(
    policy: RolePolicy, code: str, reasons: Sequence[Reason], recipient_type: str, matter: KindAndState | None
) -> Reason:
    reason = next((one for one in reasons if one.code == code), None)
    if reason is None:
        raise Invalid(FieldError("reason", "not_a_choice", str(UNKNOWN)))
    if sentence := why_not(reason, policy, recipient_type, matter):
        code = "does_not_fit" if policy.party in reason.sides else "wrong_side"
        raise Invalid(FieldError("reason", code, sentence))
    return reason


def _limits(reason: Reason) -> str:
    """Return the sentence about what a reason is for."""
    kinds, states = _listed(_KINDS, reason.kinds), _listed({}, reason.states)
    if not reason.states:
        return str(_("Only for %(kinds)s.", kinds=kinds))
    if not reason.kinds:
        return str(_("Only if the state is %(states)s.", states=states))
    return str(_("Only for %(kinds)s that are %(states)s.", kinds=kinds, states=states))


def _listed(words: Mapping[str, str], names: Sequence[str]) -> str:
    if not names:
        return ""
    *most, last = [str(words.get(name, name.replace("_", " "))) for name in names]
    return str(_("%(most)s or %(last)s", most=", ".join(most), last=last)) if most else last


def _rules(session: Session, policy: RolePolicy) -> tuple[bool, tuple[Reason, ...]]:
    """Return whether this role must give a reason, and the reasons in force."""
    key = policy.reason_required_by
    current = select(ReasonList.reasons).where(ReasonList.id == 1).scalar_subquery()
    value, reasons = session.execute(select(stored(key) if key else literal(None), current)).one()
    return bool(key and parse_or_default(key, value)), in_force(reasons)
