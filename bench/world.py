"""The rows of the measured database: the same data at two sizes.

The directory is the same at both sizes, 1,000 stores with fifty customers each, so that only what people wrote differs.
The measured person is Petra, staff of store 1. Every store has two members of staff; every tenth conversation is with
the platform, the others with a customer; every tenth is closed; every twentieth has two unread messages for Petra.
Every thirteenth has 50 messages, the others 7, so a conversation has ten on average.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

PETRA = 1
STORE = 1
ADMIN_ID = 1_000_000
SHORT, PAGE_LONG = 7, 50
LONG = 5_000
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = (
    "Hello, is the blue one still available in size 42? I would take it today.",
    "Thank you for asking! Yes, two are left; shall I put one aside until Friday for you?",
    "Bonjour, ma commande n’est pas encore arrivée. Pouvez-vous regarder où elle se trouve ?",
    "It left our warehouse yesterday and should be with you tomorrow before noon. The number is 00340434161094.",
    "Super, vielen Dank für die schnelle Antwort! 🎉",
    "One more question: can I return it in the shop, or do I have to send it back by mail as the leaflet says?",
    "Both is fine. See https://example.org/returns for the form; you need no receipt.",
    "今日の午後に受け取りに行きます。よろしくお願いします。",
    "The invoice shows the old address, could you please send me a corrected one?",
    "Done, you will find the corrected invoice in your account. Have a good day!",
)


@dataclass(frozen=True)
class Size:
    """How much there is: `mine` of `conversations` are Petra's, the others are spread over the other stores."""

    name: str
    conversations: int
    mine: int
    stores: int = 1_000

    @property
    def long_id(self) -> int:
        """The conversation of 5,000 messages, Petra's too."""
        return self.conversations + 1


SIZES = {size.name: size for size in (Size("small", 1_000, 1_000), Size("large", 100_000, 20_000))}


def store_of(size: Size, number: int) -> int:
    """The store of a conversation. Petra's are spread evenly among the others, as in life."""
    every = size.conversations // size.mine
    if number > size.conversations or number % every == 0:
        return STORE
    return 2 + number % (size.stores - 1)


def is_unread(size: Size, number: int) -> bool:
    """Every twentieth of each store's conversations."""
    return (
        number % (20 * (size.conversations // size.mine)) == 0 if store_of(size, number) == STORE else number % 20 == 1
    )


def has_customer(size: Size, number: int) -> bool:
    return number > size.conversations or (number // (size.conversations // size.mine)) % 10 != 3


def is_closed(size: Size, number: int) -> bool:
    return number <= size.conversations and (number // (size.conversations // size.mine)) % 10 == 7


def length(size: Size, number: int) -> int:
    if number == size.long_id:
        return LONG
    return PAGE_LONG if number % 13 == 0 else SHORT


def customer_of(size: Size, number: int) -> int:
    """Fifty customers a store, numbered through."""
    return (store_of(size, number) - 1) * 50 + number % 50 + 1


def last_at(size: Size, number: int) -> datetime:
    """When its last message was written: in no order of number, the long thread last of all."""
    if number == size.long_id:
        return EPOCH + timedelta(days=300)
    return EPOCH + timedelta(seconds=(number * 7919) % (size.conversations + 1) * (20_000_000 // size.conversations))


def stores(size: Size) -> Iterator[tuple[Any, ...]]:
    for number in range(1, size.stores + 1):
        yield number, f"store-{number}", f"Store {number}", f"store {number}", True, EPOCH


def users(size: Size, password_hash: str) -> Iterator[tuple[Any, ...]]:
    for number in range(1, 2 * size.stores + 1):
        name = "Petra" if number == PETRA else f"Staff {number}"
        yield number, f"u{number}@mail.example", f"u{number}@mail.example", name, password_hash, False, True, EPOCH
    yield ADMIN_ID, "ada@mail.example", "ada@mail.example", "Ada", password_hash, True, True, EPOCH


def memberships(size: Size) -> Iterator[tuple[Any, ...]]:
    for store in range(1, size.stores + 1):
        yield store, 2 * store - 1, "owner", True, EPOCH
        yield store, 2 * store, "staff", True, EPOCH


def sessions(size: Size) -> Iterator[tuple[Any, ...]]:
    """Everybody on a staff is signed in somewhere, so that Petra's session is one of many."""
    for number in range(1, 2 * size.stores + 1):
        yield number, f"{number:064x}", "store", number, (number + 1) // 2, EPOCH, EPOCH


def customers(size: Size) -> Iterator[tuple[Any, ...]]:
    for number in range(1, 50 * size.stores + 1):
        email = f"c{number}@mail.example"
        yield number, (number - 1) // 50 + 1, email, email, f"Customer {number}", f"customer {number}", True, EPOCH


def senders(size: Size, number: int) -> tuple[tuple[str, int, str], tuple[str, int, str]]:
    """The other side and the store's own writer, who take turns; the other side writes last."""
    store = store_of(size, number)
    own = ("store", 2 * store - 1, "Petra" if store == STORE else f"Staff {2 * store - 1}")
    if not has_customer(size, number):
        return ("admin", ADMIN_ID, "Ada"), own
    customer = customer_of(size, number)
    return ("customer", customer, f"Customer {customer}"), own


def conversations(size: Size) -> Iterator[tuple[Any, ...]]:
    for number in range(1, size.long_id + 1):
        count, at = length(size, number), last_at(size, number)
        other, _own = senders(size, number)
        with_customer = has_customer(size, number)
        kind = "store_customer" if with_customer else "admin_store"
        closed = is_closed(size, number)
        yield (
            number, kind, f"Order {number}: a question about delivery", "closed" if closed else "open",
            store_of(size, number), customer_of(size, number) if with_customer else None, count, at,
            WORDS[(number + count - 1) % 10][:120], *other, at - timedelta(minutes=count), "store",
            2 * store_of(size, number) - 1, at if closed else None,
        )  # fmt: skip


def seats(size: Size) -> Iterator[tuple[Any, ...]]:
    for number in range(1, size.long_id + 1):
        store, count, at = store_of(size, number), length(size, number), last_at(size, number)
        unread = 2 if is_unread(size, number) else 0
        other, own = senders(size, number)
        # In an unread conversation the last two messages are both the other side's (see `messages`).
        yield number, "store", own[1], store, unread, count - unread, at, True, True
        yield number, "store", own[1] + 1, store, 0, count, at, False, True
        yield number, other[0], other[1], store, 0, count, at, True, True


def messages(size: Size) -> Iterator[tuple[Any, ...]]:
    row = 0
    for number in range(1, size.long_id + 1):
        count, at = length(size, number), last_at(size, number)
        pair, unread = senders(size, number), is_unread(size, number)
        for seq in range(1, count + 1):
            row += 1
            sender = pair[0] if unread and seq >= count - 1 else pair[(count - seq) % 2]
            yield (
                row,
                number,
                seq,
                "message",
                *sender,
                WORDS[(number + seq - 1) % 10],
                at - timedelta(minutes=count - seq),
            )
