"""Reasons on pages: the platform's list, and what the forms for a new conversation offer."""

from __future__ import annotations

import re
from typing import Any

from messaging_app.models.reason import Reason
from messaging_app.services import reason_changes, threads
from messaging_app.services.settings import set_settings
from tests.conftest import Web
from tests.web.forms import HOW, alerts, field
from tests.web.test_asking import LINK, R, allow, asked
from tests.web.test_contexts import beginning, state

AT = "/admin/reasons"
FORM = {"name": "Gift & card", "sides": ["customer", "store"], "states": "Paid\nBaking", "kinds": "order"}
REASONS = (
    Reason("other", "Something else"),
    Reason("damaged", "Broken <b>or</b> missing", kinds=("order",), states=("Shipped",), hint="A photo & helps."),
    Reason("late", "It is late", kinds=("order",), url="https://shop.example/late"),
    Reason("payout", "A payout", sides=("store",), recipients=("platform",)),
)


def keep(web: Web, **settings: str) -> None:
    with web.app.app_context():
        reason_changes.put_reasons(web.cast.ada, REASONS)
        set_settings(None, settings)
        state(web.cast)


def offers(page: str) -> dict[str, str]:
    """The reasons of a form: whether each can be chosen, is chosen, or neither."""
    found = re.findall(r'<input type="radio" name="reason" value="(\w*)"( checked)?( disabled)?>', page)
    return {code: (checked + disabled).strip() or "free" for code, checked, disabled in found}


def test_admins_keep_change_sort_and_delete_reasons(web: Web) -> None:
    ada = web.signed_in("ada")
    ada.get(f"{AT}/new")
    refused = ada.post(AT, FORM | {"code": "Gift", "url": "javascript:alert(1)"})
    assert refused.status_code == 422 and "Paid\nBaking" in refused.text and "Gift &amp; card" in refused.text
    assert "A code has 1 to 40 characters" in alerts(refused.text) and "must begin with http" in alerts(refused.text)
    assert ada.post(AT, FORM | {"code": "gift"}).status_code == 303
    taken = ada.post(AT, FORM | {"code": "gift"})
    assert taken.status_code == 422 and "Another reason has this code." in taken.text
    listed = ada.get(AT).text
    assert listed.index("Something else") < listed.index("Gift &amp; card") and "Baking" in listed
    assert ada.post(f"{AT}/gift/up").status_code == 303
    listed = ada.get(AT).text
    assert listed.index("Something else") > listed.index("Gift &amp; card")
    page = ada.get(f"{AT}/gift").text
    assert re.search(r'<input checked[^>]*value="order"', page) and "Paid\nBaking" in page
    change = FORM | {"name": "A gift", "version": field(page, "version")}
    assert ada.post(f"{AT}/gift", change).status_code == 303
    late = ada.post(f"{AT}/gift", change | {"name": "Mine"})
    assert late.status_code == 409 and "Mine" in late.text and "A gift" in late.text
    assert ada.post(f"{AT}/gift", change | {"name": "Mine", "version": field(late.text, "version")}).status_code == 303
    assert "Mine" in ada.get(f"{AT}/gift/delete").text
    assert ada.post(f"{AT}/gift/delete").status_code == 303
    assert "Mine" not in ada.get(AT).text and ada.get(f"{AT}/gift").status_code == 404


def test_a_form_offers_what_fits_and_says_why_not(web: Web) -> None:
    keep(web)
    sam = web.signed_in("sam")
    page = sam.get("/store/messages/new").text
    free = {"": "checked", "other": "free", "damaged": "free", "late": "free", "payout": "free"}
    assert offers(page) == free, "what it is about is still to be filled in"
    assert "Broken &lt;b&gt;or&lt;/b&gt; missing" in page and "A photo &amp; helps." in page
    assert 'href="https://shop.example/late" target="_blank" rel="noopener noreferrer nofollow"' in page
    page = sam.get("/store/messages/new?context_kind=order&context_reference=4711&reason=late").text
    assert offers(page) == free | {"": "free", "damaged": "disabled", "late": "checked", "payout": "disabled"}
    assert "Only for orders that are Shipped. This one is “Paid”." in page
    fragment = sam.get("/store/messages/reasons?context_kind=return&context_reference=7&reason=late", htmx=True).text
    assert offers(fragment) == free | {"": "free", "damaged": "disabled", "late": "disabled"}
    assert fragment.strip().startswith("<fieldset") and "</main>" not in fragment


@HOW
def test_a_reason_that_is_missing_or_does_not_fit_keeps_what_was_typed(htmx: bool, web: Web) -> None:
    keep(web, reason_required_for_stores="true")
    sam = web.signed_in("sam")
    form = beginning(web, content="The <oven> broke.") | {"recipient_id": str(web.cast.cleo.id)}
    sam.get("/store/messages/new")
    for changes, told in (
        ({"context_kind": "order", "context_reference": "4711"}, "Choose a reason."),
        ({"reason": "other"}, "Choose what it is about."),
        ({"reason": "late"}, "Only for orders."),
        ({"reason": "gone"}, "Choose a reason from the list."),
        ({"reason": "damaged", "context_kind": "order", "context_reference": "4711"}, "This one is “Paid”."),
    ):
        refused = sam.post("/store/messages", form | changes, htmx=htmx)
        assert refused.status_code == 422, changes
        assert told in alerts(refused.text) and "The &lt;oven&gt; broke." in refused.text
        assert "" not in offers(refused.text), "there is no way around it"
    about = {"context_kind": "order", "context_reference": "4711", "reason": "late"}
    sent = sam.post("/store/messages", form | about | {"idempotency_key": "k"}, htmx=htmx)
    assert sent.status_code == (204 if htmx else 303)
    thread = sam.get("/store/messages/1").text
    assert 'href="/store/messages?reason=late"' in thread and "It is late" in thread
    filtered = sam.get("/store/messages?reason=late").text
    assert 'id="filter-reason"' in filtered and 'id="conversation-1"' in filtered
    assert 'id="conversation-1"' not in sam.get("/store/messages?reason=other").text


def test_a_customer_chooses_why(web: Web) -> None:
    keep(web, reason_required_for_customers="true")
    allow(web, "always")
    cleo = web.signed_in("cleo")
    page = cleo.get(LINK).text
    assert offers(page) == {"other": "free", "damaged": "disabled", "late": "free"}
    assert "Only for orders that are Shipped. This one is “Paid”." in page
    refused = cleo.post(R, asked(web))
    assert refused.status_code == 422 and "Choose a reason." in refused.text
    assert field(refused.text, "content") == "Where is it?"
    assert cleo.post(R, asked(web, reason="payout")).status_code == 422
    sent = cleo.post(R, asked(web, reason="late"))
    assert sent.status_code == 303 and "It is late" in cleo.get(sent.location).text


def test_stores_write_to_the_platform_where_it_lets_them(web: Web) -> None:
    keep(web)
    sam = web.signed_in("sam")
    assert 'value="platform"' not in sam.get("/store/messages/new").text
    assert sam.get("/store/messages/new?recipient_type=platform").status_code == 422
    form: dict[str, Any] = {"recipient_type": "platform", "conversation_type": "admin_store", "q": ""}
    form |= {"subject": "November", "content": "Where is it?", "reason": "payout", "idempotency_key": "k"}
    assert sam.post("/store/messages", form).status_code == 403
    keep(web, stores_may_write_to_platform="true")
    page = sam.get("/store/messages/new?recipient_type=platform").text
    assert "The platform’s team reads it." in page and 'name="conversation_type" value="admin_store"' in page
    assert offers(page) == {"other": "free", "damaged": "free", "late": "free", "payout": "free"}
    about = "context_kind=order&context_reference=4711&recipient_type=platform"
    assert 'name="conversation_type" value="admin_store"' in sam.get(f"/store/messages/new?{about}").text
    refused = sam.post("/store/messages", form | {"reason": ""})
    assert refused.status_code == 422 and "Choose a reason." in alerts(refused.text)
    sent = sam.post("/store/messages", form)
    assert sent.status_code == 303
    assert "November" in web.signed_in("ada").get("/admin/messages?waiting=us").text
    with web.app.app_context():
        number = int(sent.location.rpartition("/")[2])
        assert threads.get_head(web.cast.sam, number).head.waiting == "them"
