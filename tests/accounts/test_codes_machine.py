"""A Hypothesis state machine tries codes in any order against a model: each is accepted once, and only in its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import time_machine
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from messaging_app.accounts import second_step
from messaging_app.accounts.totp import STEP
from messaging_app.services import second_factor
from tests.cast import EMAILS, PASSWORD, Cast

BEGIN = datetime(2026, 12, 1, 9, 0, 10, tzinfo=UTC)


class Codes(RuleBasedStateMachine):
    """Ada, her app, her codes on paper, and everything that was ever typed."""

    cast: Cast

    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel(BEGIN, tick=False)
        self.time = self.clock.start()
        self.actor = self.cast.ada
        self.session = 0
        self.last, self.app, self.accepted = 0, pyotp.TOTP("A" * 32), set[tuple[str, int | str]]()
        self.unused: set[str] = set()
        self.old: list[tuple[pyotp.TOTP, int]] = []

    def teardown(self) -> None:
        self.clock.stop()

    @property
    def step(self) -> int:
        return int(datetime.now(UTC).timestamp()) // STEP

    @initialize()
    def set_up(self) -> None:
        if second_factor.factors_of(self.actor.id).is_on:
            second_factor.reset(None, self.actor.id)
        self.turn_on()

    def turn_on(self) -> None:
        self.session += 1
        secret = second_factor.offer(self.actor, self.session, EMAILS["ada"]).secret
        self.app, self.last = pyotp.TOTP(secret), self.step
        self.unused = set(second_factor.turn_on(self.actor, self.session, self.app.generate_otp(self.step)))
        assert len(self.unused) == 10

    @rule(seconds=st.sampled_from([1, 15, 29, 30, 31, 61, 3600]))
    def wait(self, seconds: int) -> None:
        self.time.shift(timedelta(seconds=seconds))

    @rule(away=st.integers(-3, 3))
    def type_a_code(self, away: int) -> None:
        step = self.step + away
        self._try_step(self.app, step)

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def type_a_code_again(self, data: st.DataObject) -> None:
        app, step = data.draw(st.sampled_from(self.old))
        self._try_step(app, step)

    def _try_step(self, app: pyotp.TOTP, step: int) -> None:
        code = app.generate_otp(step)
        self.old.append((app, step))
        near = [at for at in range(self.step - 1, self.step + 2) if self.app.generate_otp(at) == code]
        right = bool(near) and max(near) > self.last
        assert (second_step.accept(self.actor, code) is not None) == right
        if right:
            assert (self.app.secret, max(near)) not in self.accepted, "accepted twice"
            self.accepted.add((self.app.secret, max(near)))
            self.last = max(near)

    @precondition(lambda self: self.unused)
    @rule(data=st.data(), twice=st.booleans())
    def type_a_recovery_code(self, data: st.DataObject, twice: bool) -> None:
        code = data.draw(st.sampled_from(sorted(self.unused)))
        accepted = second_step.accept(self.actor, code)
        self.unused.discard(code)
        assert accepted is not None and accepted.left == len(self.unused)
        self.accepted.add(("paper", code))
        if twice:
            assert second_step.accept(self.actor, code) is None

    @precondition(lambda self: any(kind == "paper" for kind, _code in self.accepted))
    @rule(data=st.data())
    def type_an_old_recovery_code(self, data: st.DataObject) -> None:
        used = sorted(str(code) for kind, code in self.accepted if kind == "paper")
        assert second_step.accept(self.actor, data.draw(st.sampled_from(used))) is None

    @rule()
    def make_new_codes(self) -> None:
        gone, self.unused = self.unused, set(second_factor.make_codes(self.actor, PASSWORD))
        for code in sorted(gone)[:2]:
            assert second_step.accept(self.actor, code) is None

    @rule()
    def remove_and_set_up_again(self) -> None:
        second_factor.turn_off(self.actor, PASSWORD)
        assert second_step.accept(self.actor, self.app.generate_otp(self.step + 1)) is None
        self.turn_on()


def test_a_code_is_accepted_once_in_any_order(app: Flask, cast_of: Cast) -> None:
    Codes.cast = cast_of
    run_state_machine_as_test(
        Codes,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
