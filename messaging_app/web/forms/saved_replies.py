"""The saved replies of a team."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import FileField, StringField, TextAreaField

from messaging_app.models.saved_reply import NAME_MAX as REPLY_NAME_MAX
from messaging_app.web.forms import Form


class ReplyForm(Form):
    """A saved reply."""

    name = StringField(
        _("Name"), id="reply-name", render_kw={"maxlength": REPLY_NAME_MAX, "required": True, "dir": "auto"}
    )
    text = TextAreaField(
        _("Text"),
        id="reply-text",
        description=_(
            "{customer.first_name}, {store.name}, {me.first_name} and {order.reference} are filled in when you use it."
        ),
        render_kw={"dir": "auto", "rows": 8, "required": True},
    )


class RepliesFileForm(Form):
    """A CSV file of saved replies."""

    file = FileField(
        _("CSV file"),
        id="replies-file",
        description=_("Two columns, name and text, up to 1 MB. Replies with the same name get the new text."),
        render_kw={"accept": ".csv,text/csv", "required": True},
    )
