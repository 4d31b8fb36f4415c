"""The contexts of the demo's conversations, each as it was and as it is now, and their reasons."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import insert
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from messaging_app.demo.stories import Cast, Story, ago
from messaging_app.models import Context, ReasonList
from messaging_app.models.context import Details, Fact, Held, Snapshot
from messaging_app.models.reason import Reason, read_reasons

Contexts: TypeAlias = dict[tuple[int, str], Held]  # by store and name, such as "order 4711"; in their first version


def write(connection: Connection, entries: list[Story], cast: Cast, moment: datetime) -> Contexts:
    """Write every context as of its last version. Returns them as of their first, when the conversations begin."""
    found: Contexts = {}
    for entry in entries:
        code, customer = cast.customers[entry["customer"]] if "customer" in entry else (entry["store"], None)
        store_id, customer_id = cast.stores[code], customer.id if customer else None
        key = {"kind": entry["kind"], "reference": entry["reference"]}
        versions = [_details(entry, number) for number in range(len(entry["versions"]))]
        first, last = (moment - ago(entry["versions"][place]["ago"]) for place in (0, -1))
        row = {"store_id": store_id, "customer_id": customer_id, "created_at": first, "updated_at": last}
        number = connection.execute(insert(Context).values(row | key | versions[-1]).returning(Context.id)).scalar_one()
        name = f"{entry['kind']} {entry['reference']}"
        began = Snapshot(**versions[0], kind=entry["kind"], reference=entry["reference"])
        found[store_id, name] = Held(number, store_id, customer_id, began)
    return found


def write_reasons(session: Session, entries: list[Story]) -> dict[str, Reason]:
    """Write the list of reasons. Returns them by code."""
    reasons = read_reasons(json.dumps(entries))
    ReasonList.hold(session)
    ReasonList.replace(session, reasons)
    return {reason.code: reason for reason in reasons}


def _details(entry: Story, number: int) -> Details:
    version = entry["versions"][number]
    facts = [Fact(label=label, value=value) for label, value in version["facts"].items()]
    title, url, state = entry["title"], entry["url"], version["state"]
    return Details(title=title, url=url, state=state, facts=facts, version=number + 1)
