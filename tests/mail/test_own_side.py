"""Mail about one's own side: mentions in notes and assignments, for those whom they concern and for nobody else."""

from __future__ import annotations

from email.message import EmailMessage

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.mail import outbox, preferences
from messaging_app.mail.message import unsubscribe_token
from messaging_app.models import Store, StoreMembership, User
from messaging_app.models.platform import OWNER
from messaging_app.services import assignment, bulk, messaging, notes
from tests.post import Post

WORD = "Zygomorphic"


def quiet(post: Post) -> int:
    """A conversation of the bakery with Cleo of which everybody has read and been mailed everything."""
    cast = post.cast
    number = post.begin(cast.sam, cast.cleo, subject="Your cake")
    for person in (cast.sam, cast.nadia, cast.lea, cast.cleo):
        messaging.mark_conversation_read(person, number)
    assert outbox.next_due() is None
    return number


def bodies(mail: EmailMessage) -> tuple[str, str]:
    plain, page = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    return plain, page


def to(mails: list[EmailMessage], name: str) -> EmailMessage:
    [mail] = [mail for mail in mails if f"{name}@" in mail["To"]]
    return mail


def test_who_is_mentioned_gets_the_note_by_mail_and_nobody_else_gets_anything(post: Post) -> None:
    cast, number = post.cast, quiet(post)
    notes.write_note(cast.sam, number, "First @Nadia", [cast.nadia.id])
    notes.write_note(cast.lea, number, f"@Nadia\n<b>{WORD}</b> flowers", [cast.nadia.id, cast.lea.id])
    assert post.sweep(1.9) == 0
    post.sweep(2.1)
    [mail] = post.take()
    assert mail["To"] == "Nadia <nadia@mail.example>"
    assert mail["Subject"] == "You were mentioned: Your cake"
    assert mail["References"] == f"<conversation-{number}@messages.example>"
    plain, page = bodies(mail)
    assert f"    <b>{WORD}</b> flowers" in plain and f"&lt;b&gt;{WORD}&lt;/b&gt; flowers" in page
    for text in (plain, page):
        assert f"https://messages.example/store/messages/{number}?store=bakery" in text
        assert "and 1 more note" in text and "Lea" in text and "/unsubscribe/" in text
        assert "First" not in text and "wrote to you" not in text
    assert post.receivers(60) == []
    notes.write_note(cast.sam, number, "Once more, @Nadia", [cast.nadia.id])
    assert post.receivers(3) == [], "one mail in a window"
    post.sweep(20)
    [again] = post.take()
    assert "Once more" in bodies(again)[0] and "more note" not in bodies(again)[0]


def test_whoever_reads_the_note_in_time_gets_no_mail(post: Post) -> None:
    cast, number = post.cast, quiet(post)
    notes.write_note(cast.sam, number, "@Nadia", [cast.nadia.id])
    messaging.mark_conversation_read(cast.nadia, number)
    assert outbox.next_due() is None and post.receivers() == []


def test_a_mention_and_an_answer_of_the_other_side_are_one_mail(post: Post) -> None:
    cast, number = post.cast, quiet(post)
    notes.write_note(cast.sam, number, f"@Nadia {WORD}", [cast.nadia.id])
    notes.write_note(cast.sam, number, "Nothing for her")
    messaging.send_message(cast.cleo, number, "When is it ready?")
    messaging.send_message(cast.sam, number, "Tomorrow.")
    post.sweep(2.1)
    mails = post.take()
    nadia = bodies(to(mails, "nadia"))
    assert all(WORD in text and "When is it ready?" in text for text in nadia)
    assert not any("Nothing for her" in text for text in nadia)
    assert to(mails, "nadia")["Subject"] == "New message: Your cake"
    for name in ("lea", "cleo"):
        assert WORD not in "".join(bodies(to(mails, name))), name


def test_who_is_given_a_conversation_is_told_by_mail(post: Post) -> None:
    cast, number = post.cast, quiet(post)
    assignment.assign(cast.sam, number, cast.nadia.id)
    post.sweep(2.1)
    [mail] = post.take()
    assert (mail["To"].addresses[0].addr_spec, mail["Subject"]) == ("nadia@mail.example", "Assigned to you: Your cake")
    assert all("assigned this conversation to you" in text and "Sam" in text for text in bodies(mail))
    assert post.receivers(60) == []
    of_platform = post.begin(cast.ada, cast.bakery)
    post.receivers()
    assignment.assign(cast.ada, of_platform, cast.abe.id)  # who had no seat there
    assert post.receivers() == ["abe"]
    assert post.receivers(60) == []


def test_no_mail_comes_of_what_somebody_takes_sees_or_no_longer_has(post: Post) -> None:
    cast, number = post.cast, quiet(post)
    assignment.assign(cast.nadia, number, cast.nadia.id)
    assert outbox.next_due() is None, "taken oneself"
    assignment.assign(cast.sam, number, cast.lea.id)
    messaging.mark_conversation_read(cast.lea, number)
    assert outbox.next_due() is None, "seen on the page"
    before = bulk.states_of(cast.sam, [number])
    bulk.act(cast.sam, [number], "assign", user_id=cast.nadia.id)
    bulk.bring_back(cast.sam, before, "assign")
    assert post.receivers() == [], "undone before the mail"


def test_preferences_hold_for_mentions_and_assignments(post: Post) -> None:
    cast, number = post.cast, quiet(post)
    with writing(db.session) as session:
        session.get_one(User, cast.nadia.id).mail_enabled = False
    assert preferences.stop_mail(unsubscribe_token((number, "store", cast.lea.id)))
    for person in (cast.nadia, cast.lea):
        notes.write_note(cast.sam, number, "Look", [person.id])
        assignment.assign(cast.sam, number, person.id)
    assert post.receivers() == []


def test_no_mail_comes_about_what_a_colleague_alone_sees(post: Post) -> None:
    cast, number = post.cast, quiet(post)
    with writing(db.session) as session:
        session.get_one(StoreMembership, (cast.bakery, cast.sam.id)).role = OWNER
        session.get_one(Store, cast.bakery).staff_see_only_assigned = True
    assignment.assign(cast.sam, number, cast.lea.id)
    notes.write_note(cast.sam, number, "@Nadia @Lea", [cast.nadia.id, cast.lea.id])
    assert post.receivers() == ["lea"]
