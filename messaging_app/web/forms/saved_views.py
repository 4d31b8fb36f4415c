"""Forms for saved views."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, HiddenField, StringField

from messaging_app.models.saved_view import VIEW_NAME_MAX
from messaging_app.web.forms import Form


class ViewForm(Form):
    """A saved view. `query` is its filter or search."""

    name = StringField(
        _("Name"), id="view-name", render_kw={"maxlength": VIEW_NAME_MAX, "required": True, "dir": "auto"}
    )
    shared = BooleanField(_("For the whole team"), id="view-shared")
    query = HiddenField(id="view-query")
