"""Since when a switch has been on, which the grace of a required second factor counts from."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from messaging_app.db.engine import now
from messaging_app.models.platform import SECOND_FACTOR_ADMINS
from messaging_app.services.settings import list_settings, set_settings, switched_on_at
from tests.accounts.conftest import actions, browse
from tests.post import Post


def test_how_people_sign_in_starts_as_it_was(post: Post) -> None:
    in_force = list_settings()
    assert not in_force["second_factor_required_admins"] and not in_force["second_factor_required_owners"]
    assert in_force["local_sign_in"] is True and switched_on_at(SECOND_FACTOR_ADMINS) == {}


def test_a_switch_is_on_since_it_was_switched_on_whatever_is_saved_after(post: Post) -> None:
    began = now()
    admin = browse(post, "ada", "admin")
    form = {key: str(value).lower() for key, value in list_settings().items()} | {SECOND_FACTOR_ADMINS: "true"}
    admin.get("/admin/settings")
    assert admin.post("/admin/settings", form).status_code == 303
    on = switched_on_at(SECOND_FACTOR_ADMINS)[SECOND_FACTOR_ADMINS]
    assert began <= on <= now()
    with time_machine.travel(now() + timedelta(hours=3)):
        assert admin.post("/admin/settings", form | {"message_attachment_max_files": "3"}).status_code == 303
        assert switched_on_at(SECOND_FACTOR_ADMINS) == {SECOND_FACTOR_ADMINS: on}
        set_settings(None, {SECOND_FACTOR_ADMINS: "false"})
        assert switched_on_at(SECOND_FACTOR_ADMINS) == {}
        set_settings(None, {SECOND_FACTOR_ADMINS: "true"})
        assert switched_on_at(SECOND_FACTOR_ADMINS)[SECOND_FACTOR_ADMINS] == pytest.approx(
            now(), abs=timedelta(minutes=1)
        )
    assert [action for _who, action, _whom in actions()] == ["setting.changed"] * 4
