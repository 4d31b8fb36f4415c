"""The examples, as one small story: Sam of the bakery tells Cleo that her order leaves tomorrow."""

from __future__ import annotations

from messaging_app.api.schemas import ConversationSummary, StorefrontConversationSummary

_SAM = {"type": "store", "id": 3, "name": "Sam"}
_CLEO = {"type": "customer", "id": 1, "name": "Cleo"}
_AT = "2026-11-22T09:30:00.123456Z"
_CAKE: dict[str, object] = {
    "kind": "order",
    "reference": "4711",
    "title": "Two-tier birthday cake",
    "url": "https://shop.example/orders/4711",
    "state": "Baking",
    "facts": [{"label": "Total", "value": "42.00 €"}],
    "version": 3,
    "as_of": _AT,
}
_SUMMARY: dict[str, object] = dict.fromkeys(ConversationSummary.model_fields) | {  # null: what is not there
    "id": 17,
    "conversation_type": "store_customer",
    "subject": "Your order of 12 loaves",
    "status": "open",
    "store_id": 1,
    "store_name": "Bakery",
    "counterpart": _CLEO,
    "last_message_at": _AT,
    "last_message_preview": "It leaves tomorrow morning.",
    "last_seq": 1,
    "unread_count": 0,
    "created_at": _AT,
    "context": _CAKE,
    "reason": {"code": "delivery", "name": "Delivery"},
}
_STOREFRONT = {name: _SUMMARY[name] for name in StorefrontConversationSummary.model_fields}
_SUMMARY |= {"waiting": "them", "waiting_since": _AT, "assignee": {"id": 3, "name": "Sam"}}
_VIEW = {"id": 4, "name": "Waits for us", "query": "waiting=us&order=waiting", "shared": False}
_URL = "/api/v1/store/messages/17/attachments/5"
_ATTACHMENT = {
    "id": 5,
    "filename": "invoice.pdf",
    "mime_type": "application/pdf",
    "size": 48213,
    "is_image": False,
    "download_url": _URL,
    "thumbnail_url": None,
    "removed_at": None,
    "removed_by": None,
}
_MESSAGE = {
    "id": 40,
    "conversation_id": 17,
    "seq": 1,
    "kind": "message",
    "event": None,
    "sender": _SAM,
    "content": "It leaves tomorrow morning.",
    "created_at": _AT,
    "attachments": [_ATTACHMENT],
}
_WINDOW = {
    "participants": [
        _CLEO | {"last_read_seq": 0, "last_read_at": None},
        _SAM | {"last_read_seq": 1, "last_read_at": _AT},
    ],
    "email_notifications": True,
    "messages": [_MESSAGE],
    "has_older": False,
}

_HIT: dict[str, object] = {"seq": 1, "excerpt": "It leaves tomorrow morning.", "ranges": [[10, 18]]}
_SAVED_REPLY = {"id": 7, "name": "Nuts", "text": "Hi {customer.first_name}, no nuts.", "scope": "store", "used": 31}
_NOTE = {
    "id": 5,
    "author": _SAM,
    "content": "Marzipan is almonds.",
    "mentions": [3],
    "after_seq": 1,
    "created_at": _AT,
    "attachments": [],
}

_REASON: dict[str, object] = {
    "code": "delivery",
    "name": "Delivery",
    "hint": "Most parcels take two working days.",
    "url": "https://shop.example/help/delivery",
    "allowed": False,
    "because": "Only for orders that are Shipped. This one is “Baking”.",
}
_RULES = {"sides": ["customer", "store"], "kinds": ["order"], "states": ["Shipped"], "recipients": []}

EXAMPLES: dict[str, object] = {
    "ReasonsUpdate": {
        "reasons": [{name: value for name, value in _REASON.items() if name not in ("allowed", "because")} | _RULES]
    },
    "ReasonListResponse": {"reasons": [_REASON]},
    "ReasonDetailListResponse": {"reasons": [_REASON | _RULES]},
    "ConversationCreate": {
        "conversation_type": "store_customer",
        "recipient_type": "customer",
        "recipient_id": 1,
        "subject": "Your order of 12 loaves",
        "content": "It leaves tomorrow morning.",
        "context": {"kind": "order", "reference": "4711"},
        "reason": "delivery",
    },
    "ContextUpdate": {name: _CAKE[name] for name in ("title", "url", "state", "facts", "version")}
    | {"customer": {"email": "cleo@mail.example"}},
    "ContextDetailResponse": _CAKE
    | {"customer": {"id": 1, "external_id": "C-1", "email": "cleo@mail.example", "name": "Cleo"}},
    "FactCreate": {"id": "shipment-12345", "text": "Shipped, tracking 12345"},
    "FactResponse": {"id": "shipment-12345", "text": "Shipped, tracking 12345", "stated_at": _AT},
    "ConversationsAboutResponse": {"count": 1, "unread": 0, "conversations": [_SUMMARY]},
    "MessageCreate": {"content": "It leaves tomorrow morning."},
    "ReadingUpdate": {"up_to": 1},
    "UnreadUpdate": {"from_seq": 1},
    "AssigneeUpdate": {"user_id": 3},
    "SavedReplyUpdate": {"name": "Nuts and marzipan", "text": "Hi {customer.first_name}, marzipan is almonds."},
    "NoteCreate": {"content": "Marzipan is almonds.", "mentions": []},
    "NoteResponse": _NOTE,
    "NoteListResponse": {"notes": [_NOTE]},
    "SnoozeUpdate": {"until": "2027-01-04T08:00:00Z"},
    "BulkUpdate": {"ids": [17, 18], "action": "close"},
    "BulkResponse": {"results": [{"id": 17, "status": 200}, {"id": 18, "status": 404, "code": "not_found"}]},
    "PreferencesUpdate": {"email_notifications": False},
    "ConversationSummary": _SUMMARY,
    "SavedViewCreate": {"name": "Waits for us", "query": "waiting=us&order=waiting"},
    "SavedViewResponse": _VIEW,
    "SavedViewListResponse": {"views": [_VIEW]},
    "SavedReplyResponse": _SAVED_REPLY,
    "SavedReplyListResponse": {"saved_replies": [_SAVED_REPLY]},
    "ConversationListResponse": {"conversations": [_SUMMARY], "next_cursor": None, "total_unread": 0},
    "ConversationDetailResponse": _SUMMARY | _WINDOW,
    "StorefrontConversationListResponse": {"conversations": [_STOREFRONT], "next_cursor": None, "total_unread": 0},
    "StorefrontConversationDetailResponse": _STOREFRONT | _WINDOW,
    "SearchResponse": {"hits": [{"conversation": _SUMMARY} | _HIT], "next_cursor": None},
    "StorefrontSearchResponse": {"hits": [{"conversation": _STOREFRONT} | _HIT], "next_cursor": None},
    "MessageResponse": _MESSAGE,
    "AttachmentResponse": _ATTACHMENT,
    "UnreadCountResponse": {"total_unread": 3},
    "ReadingResponse": {"conversation_id": 17, "unread_count": 0},
    "PreferencesResponse": {"email_notifications": False},
    "RecipientListResponse": {
        "recipients": [
            {"recipient_type": "customer", "recipient_id": 1, "name": "Cleo", "detail": "cleo@mail.example · Bakery"}
        ],
        "next_cursor": None,
    },
    "AuditResponse": {
        "entries": [
            {
                "id": 7,
                "at": _AT,
                "actor": {"type": "admin", "name": "Ada", "email": "ada@platform.example"},
                "action": "setting.changed",
                "object": {
                    "type": "setting",
                    "id": "message_attachment_max_files",
                    "name": "message_attachment_max_files",
                    "email": None,
                },
                "before": {"value": "10"},
                "after": {"value": "5"},
                "address": "192.0.2.7",
                "request_id": "5f0a3c1d9e7b2846",
                "hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
            }
        ],
        "next_cursor": None,
    },
}
