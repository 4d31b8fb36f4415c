"""Search: a document per message and conversation, and the stores, customers and users whose names have changed since.

On SQLite the words are in a full-text table without content, kept by triggers; on PostgreSQL in an index of their own.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# No positions and no sizes: a phrase is looked for in the text itself. A key is one token whatever its signs.
FULL_TEXT = """CREATE VIRTUAL TABLE search_index USING fts5(
    words, content='', columnsize=0, detail=none, tokenize="ascii tokenchars '.:@#^=$'")"""
ADD = "INSERT INTO search_index (rowid, words) VALUES (-NEW.id, NEW.words)"
TAKE_AWAY = "INSERT INTO search_index (search_index, rowid, words) VALUES ('delete', -OLD.id, OLD.words)"
IN_STEP = (
    f"CREATE TRIGGER search_lines_added AFTER INSERT ON search_lines BEGIN {ADD}; END",
    f"CREATE TRIGGER search_lines_removed AFTER DELETE ON search_lines BEGIN {TAKE_AWAY}; END",
    f"CREATE TRIGGER search_lines_changed AFTER UPDATE ON search_lines BEGIN {TAKE_AWAY}; {ADD}; END",
)

NAMES = {"stores": ("store", "name", "code"), "customers": ("customer", "name", "email"), "users": ("user", "name", "email")}
DUE = "INSERT INTO search_due (kind, id, after) VALUES ({kind}, NEW.id, 0) ON CONFLICT (kind, id) DO UPDATE SET after = 0"
FUNCTION = f"""CREATE FUNCTION search_names_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN {DUE.format(kind="TG_ARGV[0]")}; RETURN NULL; END $$"""


def upgrade():
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "search_lines",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("words", sa.Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_lines")),
    )
    due = op.create_table(
        "search_due",
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("after", Id, nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_search_due")),
    )
    op.bulk_insert(due, [{"kind": "lines", "id": 0, "after": 0}])
    if postgresql:
        # Each search reads the list of what is not sorted in yet: keep it short.
        options = {"fastupdate": "on", "gin_pending_list_limit": "512"}
        op.create_index("ix_search_lines_words", "search_lines", ["words"], postgresql_using="gin", postgresql_with=options)
        op.execute(FUNCTION)
    for statement in () if postgresql else (FULL_TEXT, *IN_STEP):
        op.execute(statement)
    for table, (kind, *columns) in NAMES.items():
        changed = " OR ".join(f"OLD.{column} <> NEW.{column}" for column in columns)
        call = f"EXECUTE FUNCTION search_names_changed('{kind}')"
        act = call if postgresql else f"BEGIN {DUE.format(kind=repr(kind))}; END"
        op.execute(
            f"CREATE TRIGGER search_{kind}_renamed AFTER UPDATE OF {', '.join(columns)} ON {table}"
            f" FOR EACH ROW WHEN ({changed}) {act}"
        )


def downgrade():
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table, (kind, *_columns) in NAMES.items():
        op.execute(f"DROP TRIGGER search_{kind}_renamed" + (f" ON {table}" if postgresql else ""))
    op.execute("DROP FUNCTION search_names_changed()" if postgresql else "DROP TABLE search_index")
    op.drop_table("search_due")
    op.drop_table("search_lines")
