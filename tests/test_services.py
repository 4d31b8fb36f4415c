"""The test servers are real: each answers as what it claims to be."""

import smtplib
from email.message import EmailMessage

import pytest
import redis
import sqlalchemy as sa

from tests.services import Bucket, MailServer


@pytest.mark.postgres
def test_postgresql_has_the_extensions_that_search_needs(empty_postgres_url: str) -> None:
    engine = sa.create_engine(empty_postgres_url)
    with engine.begin() as link:
        assert link.execute(sa.text("SHOW server_encoding")).scalar() == "UTF8"
        link.execute(sa.text("CREATE EXTENSION unaccent"))
        assert link.execute(sa.text("SELECT unaccent('überfällig')")).scalar() == "uberfallig"
    engine.dispose()


@pytest.mark.postgres
def test_each_test_has_a_migrated_database_of_its_own(postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url)
    assert {"conversations", "messages", "alembic_version"} <= set(sa.inspect(engine).get_table_names())
    engine.dispose()


def test_redis_starts_empty(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("key", "value")
        assert client.get("key") == b"value"


@pytest.mark.slow
def test_the_bucket_keeps_what_is_put_into_it(s3: Bucket) -> None:
    s3.client.put_object(Bucket=s3.name, Key="messages/a.txt", Body=b"text")
    assert s3.client.get_object(Bucket=s3.name, Key="messages/a.txt")["Body"].read() == b"text"


def test_the_mail_server_takes_and_refuses_mail(smtp: MailServer) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "sam@bakery.example", "cleo@mail.example", "Grüße"
    message.set_content("Guten Tag")
    port = smtp.controller.port
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(message)
        smtp.refuse = "451 later"
        with pytest.raises(smtplib.SMTPDataError, match="later"):
            client.send_message(message)
    assert [m["Subject"] for m in smtp.messages] == ["Grüße"]
