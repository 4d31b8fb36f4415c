"""With 100,000 conversations every page still reads one short range of an index: the plans that both databases make.

What is explained is what the pages really ask: every statement of a page is caught on its way to the database.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from messaging_app.db.query import Query
from messaging_app.queries.console import COUNT_UP_TO, OPEN_UP_TO
from messaging_app.queries.cursors import encode_name
from messaging_app.services import saved_views
from messaging_app.services.console import PAGE
from tests.conftest import Browser, Web, executed, new_app
from tests.services import Postgres

pytestmark = pytest.mark.slow

STORES = 10_000
CONVERSATIONS = 100_000
CONTEXTS = 1_000_000
FEWER = 200_000  # show the same in a third of the time; the long tests look at them all
KIND = "CASE i % 5 WHEN 0 THEN 'order' WHEN 1 THEN 'return' ELSE 'other' END"
REASON = "CASE WHEN i % 7 < 5 THEN 'r' || (i % 5) END"
SNAPSHOT = '{"kind"\\:"order","reference"\\:"1","title"\\:null,"url"\\:null,"state"\\:null,"facts"\\:[],"version"\\:0}'
STEP = 100_000  # written at once
LINES = 5_000
LONG = 3310  # Cleo's with the bakery, with so many lines
BIG = {"stores", "conversations", "conversation_participants", "messages", "customers", "recipient_terms", "contexts"}
# A page shows 25 rows; one range, its joins, and the look into the next page are far below this.
MOST_ROWS = 400
MOST_UNREAD = 1_000  # a badge adds up all that somebody has unread, a list sorts it; here some 800 conversations

SQLITE_NUMBERS = (
    "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most}) SELECT i FROM n) AS n"
)
POSTGRES_NUMBERS = "generate_series(1, {most}) AS n(i)"
NAMES = {"sqlite": "printf('{word} %05d', i)", "postgresql": "'{word} ' || lpad(i::text, 5, '0')"}
MOMENTS = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', '2026-01-01', '+' || (i % 90000) || ' minutes')",
    "postgresql": "timestamptz '2026-01-01 00:00:00Z' + (i % 90000) * interval '1 minute'",
}


def fill(engine: Engine, contexts: int) -> None:
    """10,000 stores, 20,000 customers, 100,000 conversations in a thousand of them. Ada, Sam and Lea are in many thousands of them."""
    dialect = engine.dialect.name
    numbers = SQLITE_NUMBERS if dialect == "sqlite" else POSTGRES_NUMBERS
    moment, name = MOMENTS[dialect], NAMES[dialect]
    now = MOMENTS[dialect].replace("i %", "1 %")
    statements = (
        (
            "INSERT INTO stores (id, code, name, sort_name, active, created_at)"
            f" SELECT i + 2, 's' || i, {name.format(word='Store')}, {name.format(word='store')}, i % 100 > 0, {moment}"
            f" FROM {numbers.format(most=STORES)}"
        ),
        (
            "INSERT INTO customers (id, store_id, email, email_key, name, sort_name, active, created_at, mail_enabled)"
            f" SELECT i + 3, i % 1000 + 1, 'c' || i, 'c' || i, {name.format(word='Person')}, {name.format(word='person')},"
            f" i % 500 > 0, {moment}, true FROM {numbers.format(most=20_000)}"
        ),
        (
            "INSERT INTO recipient_terms (recipient_type, recipient_id, term, store_id)"
            " SELECT 'customer', id, 'first' || (id % 400), store_id FROM customers WHERE id > 3"
            " UNION ALL SELECT 'customer', id, 'family' || (id % 1700), store_id FROM customers WHERE id > 3"
            " UNION ALL SELECT 'store', id, 'shop' || (id % 300), id FROM stores WHERE id > 2"
        ),
        *(_contexts(numbers, moment, first) for first in range(0, contexts, STEP)),
        # A third of each kind; half of them are the bakery's; Cleo has some 400, as no customer ever has.
        (
            "INSERT INTO conversations (id, conversation_type, subject, status, store_id, customer_id, last_seq,"
            " last_message_at, last_message_preview, last_sender_type, last_sender_id, last_sender_name, created_at,"
            " created_by_type, created_by_id, removed_files, closed_at, turn_since, store_assignee_id, admin_assignee_id,"
            " context_id, context_kind, context, reason_code, reason_name)"
            " SELECT i, CASE i % 3 WHEN 0 THEN 'admin_store' WHEN 1 THEN 'store_customer' ELSE 'admin_customer' END,"
            " 'About ' || i, CASE WHEN i % 4 = 0 THEN 'closed' ELSE 'open' END,"
            " CASE WHEN i % 2 = 0 THEN 1 ELSE i % 1000 + 1 END,"
            " CASE WHEN i % 3 = 0 THEN NULL WHEN i % 331 < 2 THEN 1 ELSE i % 20000 + 4 END,"
            f" 1, {moment}, 'Hello', 'store', 3, 'Sam', {moment}, 'store', 3, 0, NULL, {moment},"
            " CASE WHEN i % 50 = 0 THEN 3 WHEN i % 3 = 1 THEN 6 END, CASE WHEN i % 5 = 0 THEN 1 END,"
            f" CASE WHEN i % 2 = 0 THEN i END, CASE WHEN i % 2 = 0 THEN {KIND} END,"
            f" CASE WHEN i % 2 = 0 THEN '{SNAPSHOT}' END, {REASON}, {REASON} FROM {numbers.format(most=CONVERSATIONS)}"
        ),
        (
            "INSERT INTO messages (conversation_id, seq, kind, sender_type, sender_id, sender_name, content, created_at,"
            f" attachment_count) SELECT i, 1, 'message', 'store', 3, 'Sam', 'Hello', {moment}, 0"
            f" FROM {numbers.format(most=CONVERSATIONS)}"
        ),
        (
            "INSERT INTO messages (conversation_id, seq, kind, sender_type, sender_id, sender_name, content, created_at,"
            f" attachment_count) SELECT {LONG}, i + 1, 'message', 'store', 3, 'Sam', 'Hello', {moment}, 0"
            f" FROM {numbers.format(most=LINES)}"
        ),
        f"UPDATE conversations SET last_seq = {LINES + 1} WHERE id = {LONG}",
        # Sam owns the bakery; Lea sees there only what is hers or nobody's, half of it.
        "UPDATE store_memberships SET role = 'owner' WHERE user_id = 3",
        "UPDATE stores SET staff_see_only_assigned = true WHERE id = 1",
        f"INSERT INTO platform_settings (key, value, updated_at) VALUES ('customers_may_start', 'always', {now})",
        _seats("'store', 3", "conversation_type <> 'admin_customer' AND store_id = 1"),
        _seats("'store', 6", "conversation_type <> 'admin_customer' AND store_id = 1"),
        _seats("'admin', 1", "conversation_type <> 'store_customer'"),
        _seats("'customer', customer_id", "customer_id IS NOT NULL"),
    )
    with engine.connect().execution_options(transaction="IMMEDIATE") as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()
    if dialect == "postgresql":
        analyze(engine)


def _contexts(numbers: str, moment: str, first: int) -> str:
    """A part of the contexts: first those of the conversations, with a number each; of the others every store has each."""
    return (
        "INSERT INTO contexts (id, store_id, customer_id, kind, reference, state, facts, version, created_at, updated_at)"
        f" SELECT i, CASE WHEN i <= {CONVERSATIONS} AND i % 2 = 0 THEN 1 ELSE i % 1000 + 1 END,"
        f" CASE WHEN i > {CONVERSATIONS} THEN i % 20000 + 4 WHEN i % 3 = 0 THEN NULL WHEN i % 331 < 2 THEN 1"
        f" ELSE i % 20000 + 4 END, {KIND}, CASE WHEN i <= {CONVERSATIONS} THEN '' || i ELSE 'N' || (i / 1000) END,"
        f" 'Paid', '[]', 1, {moment}, {moment}"
        f" FROM (SELECT n.i + {first} AS i FROM {numbers.format(most=STEP)}) AS m"
    )


def _seats(who: str, where: str) -> str:
    """A seat for each of these conversations; one in 500 has something unread."""
    return (
        "INSERT INTO conversation_participants (conversation_id, participant_type, participant_id, store_id,"
        " unread_count, last_read_seq, has_written, email_notifications, mailed_seq)"
        f" SELECT id, {who}, store_id, CASE WHEN id % 500 < 6 THEN 1 ELSE 0 END, 0, true, true, 0"
        f" FROM conversations WHERE {where}"
    )


def analyze(engine: Engine) -> None:
    with engine.connect().execution_options(transaction="IMMEDIATE") as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()


@pytest.fixture(
    scope="module",
    params=[
        ("sqlite", FEWER),
        pytest.param(("postgres", FEWER), marks=[pytest.mark.postgres, pytest.mark.long]),
        pytest.param(("sqlite", CONTEXTS), marks=pytest.mark.long),
        pytest.param(("postgres", CONTEXTS), marks=[pytest.mark.postgres, pytest.mark.long]),
    ],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def crowd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("plans")
    database, contexts = request.param
    if database == "sqlite":
        url = f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_sqlite'), folder / 'messaging.db')}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        name = server.create_database(template=server.migrated())
        url = server.url(name)
    app = new_app(url, folder)
    web = Web(app)
    fill(web.engine, contexts)
    yield web
    web.engine.dispose()
    if database == "postgres":
        server.drop_database(name)


@pytest.fixture(autouse=True)
def way_of_queries(crowd: Web, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways make the same statements; each has its own crowd, for a crowd takes longer than the tests."""
    _, contexts = request.node.callspec.params["crowd"]
    monkeypatch.setattr(Query, "through_session", contexts == CONTEXTS)


# A page by its name: who asks, and for what. The cursors are those of a page somewhere in the middle, on the way down
# and on the way back up, which passes over what began after the walk: here nothing did.
PLACE, NOW = f"{(1769904000 * 1_000_000):x}.{50_000:x}", f"{(4102444800 * 1_000_000):x}.1"
MIDDLE, RISING = f"cursor={PLACE}.{PLACE}", f"cursor=since.{PLACE}.{NOW}"
PAGES = {
    "badge of an admin": ("ada", "/admin/messages/unread-count"),
    "badge of staff": ("sam", "/store/messages/unread-count"),
    "badge of a customer": ("cleo", "/storefront/account/messages/unread-count"),
    **{
        f"{status} {kind} {where} of {who}".replace("  ", " "): (
            who,
            f"{place}?status={status}{kind and '&type=' + kind}{where}",
        )
        for who, place, kinds in (
            ("ada", "/admin/messages", ("", "admin_store", "admin_customer")),
            ("sam", "/store/messages", ("", "store_customer")),
            ("cleo", "/storefront/account/messages", ("", "admin_customer")),
        )
        for status in ("open", "closed", "all")
        for kind in kinds
        for where in ("", f"&{MIDDLE}", f"&{RISING}")
    },
    "unread of an admin": ("ada", "/admin/messages?unread=1"),
    "unread of staff": ("sam", "/store/messages?unread=1&status=all"),
    "unread of a customer": ("cleo", "/storefront/account/messages?unread=1&status=closed"),
    **{
        f"{name} of {who}{'' if not where else ', further'}": (who, f"{place}?{query}{where}")
        for who, place in (("ada", "/admin/messages"), ("sam", "/store/messages"))
        for name, query in (
            ("longest waiting", "waiting=us&order=waiting"),
            ("longest waiting for them", "waiting=them&order=waiting"),
            ("ruled out", "waiting=nobody"),
            ("assigned", "assignee=me"),
            ("assigned to nobody", "assignee=nobody"),
            ("snoozed", "snoozed=1&status=all"),
        )
        for where in ("", f"&cursor={PLACE}")
    },
    "theirs or nobody's": ("lea", "/store/messages"),
    "long thread": ("sam", f"/store/messages/{LONG}"),
    "long thread, older": ("sam", f"/store/messages/{LONG}?before=2500"),
    "lines that came": ("cleo", f"/storefront/account/messages/{LONG}/messages?after=4990"),
    **{
        f"{status} {about} of {who}": (who, f"{place}?status={status}&{about}")
        for who, place in (
            ("ada", "/admin/messages"),
            ("sam", "/store/messages"),
            ("cleo", "/storefront/account/messages"),
        )
        for status in ("open", "all", f"closed&{MIDDLE}")
        for about in (
            "context_kind=return",
            "context_kind=order&context_reference=3310",
            "context_reference=3310",
            "reason=r3",
        )
    },
    "unread about orders": ("sam", "/store/messages?unread=1&context_kind=order"),
    "about an order that every store has": (
        "ada",
        "/admin/messages?status=all&context_kind=order&context_reference=N150",
    ),
    "others beside a thread": ("sam", f"/store/messages/{LONG}/others"),
    "compose about an order": ("sam", "/store/messages/new?context_kind=order&context_reference=3310"),
    "contexts of a customer": ("sam", "/store/messages/contexts?recipient_type=customer&recipient_id=3314"),
    "contexts of a customer, for an admin": (
        "ada",
        "/admin/messages/contexts?recipient_type=customer&recipient_id=3314",
    ),
    "what a customer can write about": ("cleo", "/storefront/account/messages/new"),
    "recipients": ("sam", "/store/messages/recipients?recipient_type=customer"),
    "recipients by word": ("sam", "/store/messages/recipients?recipient_type=customer&q=fi"),
    "recipients by two words": ("ada", "/admin/messages/recipients?recipient_type=customer&q=first1+family12"),
    "recipients of an admin": ("ada", "/admin/messages/recipients?recipient_type=store"),
    "stores by word": ("ada", "/admin/messages/recipients?recipient_type=store&q=shop12"),
    **{
        f"inbox of a store {more}": ("ada", f"/admin/messages?store_id=7&{more}")
        for more in ("status=open", "status=all", f"status=closed&{MIDDLE}")
    },
    **{
        f"console {which}{more}": ("ada", f"/admin/{which}{more}")
        for which, middle, word in (
            ("stores", encode_name("store 05000", 5_002), "shop12"),
            ("customers", encode_name("person 10000", 10_003), "family12"),
        )
        for more in (
            "",
            f"?cursor={middle}",
            "?sort=-name",
            "?sort=newest",
            f"?sort=newest&cursor={encode_name('9', 5_000)}",
            "?status=active",
            "?status=inactive",
            "?status=inactive&sort=newest",
            "?q=f",
            f"?q={word}",
            f"?q={word[:2]}+{word}",
            f"?q={word[:2]}&status=active",
            f"?q={word[:2]}&status=inactive",
        )
    },
    **{
        f"customers of a store {more}": ("ada", f"/admin/customers?store_id=7{more}")
        for more in (
            "",
            "&sort=-name",
            "&sort=newest",
            "&status=active",
            "&status=inactive",
            "&q=fa",
            "&q=fa&status=inactive",
        )
    },
    **{
        f"inbox of a customer {more}": ("ada", f"/admin/messages?customer_id=1&{more}")
        for more in ("status=open", "status=all", "status=closed", f"status=all&{MIDDLE}")
    },
    "unread of one of many customers": ("ada", "/admin/messages?customer_id=1&unread=1"),
}
UNREAD = re.compile("unread of|badge of|theirs or nobody's")  # the last merges two ranges


def caught(web: Web, browser: Browser, path: str) -> list[tuple[str, Any]]:
    """The statements that a fragment makes, with their parameters."""
    with executed() as made:
        answer = browser.get(path, htmx=True)
    assert answer.status_code == 200, (path, answer.status)
    seen = [one for one in made if one[0].lstrip("( ").startswith("SELECT")]
    assert seen
    return seen


def test_every_page_reads_one_short_range_of_an_index(crowd: Web) -> None:
    browsers = {who: crowd.signed_in(who) for who in ("ada", "sam", "lea", "cleo")}
    asked = {name: caught(crowd, browsers[who], path) for name, (who, path) in PAGES.items()}
    wrong: list[str] = []
    for round_ in ("as it comes", "analyzed"):
        for name, (_who, path) in PAGES.items():
            for statement, parameters in asked[name]:
                # Of one matter there are few; a customer has few altogether.
                may_sort = (
                    bool(UNREAD.match(name))
                    or "type=" in path
                    or "context_" in path
                    or "status=all&reason=" in path  # the first pages of two ranges
                    or name.startswith(("others", "what a customer"))
                    or "store_id=7&status=all" in path
                )
                for fault in faults_of(crowd.engine, statement, parameters, may_sort=may_sort):
                    wrong.append(f"{name} ({round_}): {fault}")
        analyze(crowd.engine)
    assert not wrong, "\n".join(dict.fromkeys(wrong))


VIEWS = [
    *(f"{status}&{more}" for status in ("status=open", "status=closed", "status=all") for more in ("", "type={kind}")),
    *("waiting=us&order=waiting", "waiting=them&order=waiting", "waiting=us", "waiting=nobody", "snoozed=1&status=all"),
    *("assignee=me", "assignee=nobody&status=all", "assignee=6", "unread=1", "unread=1&status=all"),
    *("context_kind=order", "context_reference=3310&status=all", "context_kind=return&context_reference=3310"),
]


def test_a_saved_view_is_counted_along_the_range_of_its_list(crowd: Web) -> None:
    wrong = []
    for who, place in (("ada", "/admin"), ("sam", "/store"), ("lea", "/store")):
        kind = "admin_store" if who == "ada" else "store_customer"
        with crowd.app.app_context():
            actor = getattr(crowd.cast, who)
            for query in VIEWS if not saved_views.list_views(actor) else ():
                saved_views.create_view(actor, query, query.format(kind=kind))
        seen = caught(crowd, crowd.signed_in(who), f"{place}/views/counts")
        counts = [one for one in seen if one[0].startswith("SELECT count")]
        assert len(counts) == len(VIEWS)
        for statement, parameters in counts:
            may_sort = "unread" in statement or "contexts.reference" in statement  # of one matter there are few
            for fault in faults_of(crowd.engine, statement, parameters, may_sort=may_sort):
                wrong.append(f"{who}: {fault}")
    assert not wrong, "\n".join(dict.fromkeys(wrong))


def test_a_send_and_a_read_touch_only_their_own_rows(crowd: Web) -> None:
    """The writes, too: explained as they were sent, and rolled back with the explanation on PostgreSQL."""
    sam = crowd.signed_in("sam")
    sam.get(f"/store/messages/{LONG}")
    with executed() as made:
        assert sam.post(f"/store/messages/{LONG}/messages", {"content": "Hello"}).status_code == 303
        assert sam.post(f"/store/messages/{LONG}/read", {"up_to": "4990"}).status_code == 303
        assert sam.post(f"/store/messages/{LONG}/close").status_code == 303
        assert sam.post(f"/store/messages/{LONG}/reopen").status_code == 303
    seen = [one for one in made if one[0].startswith(("SELECT", "UPDATE", "INSERT"))]
    wrong = [
        fault
        for statement, parameters in seen
        # Seats are written in one order by everybody, so that nobody waits in a ring: the people of one are sorted.
        for fault in faults_of(
            crowd.engine, statement, parameters, may_sort=statement.startswith("INSERT INTO conversation_participants")
        )
    ]
    assert not wrong, "\n".join(wrong)


FEW = ("store_memberships", "platform_settings")  # five rows here: a planner that has counted them reads them all


def faults_of(engine: Engine, statement: str, parameters: Any, *, may_sort: bool) -> list[str]:
    """What is wrong with the plans of one statement."""
    most = MOST_UNREAD if may_sort else MOST_ROWS
    if statement.startswith("SELECT count"):
        most = COUNT_UP_TO + COUNT_UP_TO // 10  # a few are passed over, being of the other state
    if "store_memberships" in statement and "stores.sort_name" in statement:
        most = PAGE * OPEN_UP_TO  # the open conversations of each store on the page
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            details = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            return [f"{fault}\n    {details}" for fault in _of_sqlite(details, may_sort, statement)]
        found = []
        link: Any = connection.connection.driver_connection
        reads = statement.lstrip("( ").startswith("SELECT")
        explain = f"EXPLAIN ({'ANALYZE, ' if reads else ''}FORMAT JSON) {statement}"
        for mode in ("auto", "force_generic_plan"):
            link.execute(f"SET plan_cache_mode = {mode}")
            plan = _plan(link.execute(explain, parameters).fetchone()[0])
            found += [f"{mode}: {fault}\n    {statement[:200]}" for fault in _of_postgres(plan, may_sort, most)]
        link.execute("RESET plan_cache_mode")
        return found


def _of_sqlite(details: list[str], may_sort: bool, statement: str) -> Iterator[str]:
    for detail in details:
        scan = re.match(r"SCAN (\w+)(.*)", detail)
        if (
            scan
            and "USING" not in scan[2]
            and "CONSTANT ROW" not in detail
            and not scan[1].startswith(("anon", "people", *FEW))
            and f"ORDER BY {scan[1]}.id" not in statement  # its rows stand in that order: the limit ends it
        ):
            yield f"reads a whole table: {detail}"
        if "TEMP B-TREE FOR ORDER BY" in detail and not may_sort:
            yield f"sorts: {detail}"
        if "AUTOMATIC" in detail:
            yield f"builds an index each time: {detail}"


def _plan(answer: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(answer) if isinstance(answer, str) else answer
    plan: dict[str, Any] = found[0]["Plan"]
    return plan


def _of_postgres(node: dict[str, Any], may_sort: bool, most: int) -> Iterator[str]:
    kind, table = node["Node Type"], node.get("Relation Name", "")
    if node.get("Actual Loops") == 0:
        return  # planned for a case that never came
    if kind == "Seq Scan" and table in BIG:
        yield f"reads all of {table}"
    if kind in ("Sort", "Incremental Sort") and not may_sort and node["Plan Rows"] > most:
        yield f"sorts {node['Plan Rows']} rows"
    if "Actual Rows" in node and table in BIG:
        read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        if read > most:
            yield f"reads {read:.0f} rows of {table} by {kind} {node.get('Index Name', '')}"
    for child in node.get("Plans", ()):
        yield from _of_postgres(child, may_sort, most)
