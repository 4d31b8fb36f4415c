"""Search in conversations."""

from __future__ import annotations

from pydantic import BaseModel

from messaging_app.actors import Actor
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer, summary
from messaging_app.policies import policy_of
from messaging_app.services import search


def search_conversations(actor: Actor, query: s.SearchQuery) -> Answer:
    """Return a page of search results."""
    page = search.search(actor, query.q, cursor=query.cursor, limit=query.limit)
    hits = [
        {
            "conversation": summary(actor, hit.row, hit.row.unread_count),
            "seq": hit.seq,
            "excerpt": hit.excerpt.text,
            "ranges": [list(span) for span in hit.excerpt.ranges],
        }
        for hit in page.hits
    ]
    model: type[BaseModel] = s.SearchResponse if policy_of(actor).has_team else s.StorefrontSearchResponse
    body = model.model_validate({"hits": hits, "next_cursor": page.next_cursor})
    return Answer(body, next_page={"cursor": page.next_cursor} if page.next_cursor else None)
