"""The state that one side, or one user, sets for a conversation: assignee, snooze and e-mail."""

from __future__ import annotations

from pydantic import Field

from messaging_app.api.schemas.base import Id, Incoming, Moment, Outgoing


class PreferencesUpdate(Incoming):
    """Your preferences for one conversation."""

    email_notifications: bool = Field(description="Whether new messages here are mailed to you.", examples=[False])


class AssigneeUpdate(Incoming):
    """The assignee of a conversation."""

    user_id: Id | None = Field(description="`users.id` of a user on your side; null for nobody.", examples=[3])


class SnoozeUpdate(Incoming):
    """The end of a snooze."""

    until: Moment | None = Field(
        description="In the future, RFC 3339 with an offset; null ends the snooze.", examples=["2027-01-04T08:00:00Z"]
    )


class PreferencesResponse(Outgoing):
    """Your preferences for one conversation."""

    email_notifications: bool
    """Whether new messages here are mailed to you."""
