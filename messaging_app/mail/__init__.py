"""E-mail about unread messages: content, due times and delivery."""

from messaging_app.mail.headers import NoAddress, address, envelope

MAIL_TOPIC = "mail"  # what wakes the worker before its next round

__all__ = ["MAIL_TOPIC", "NoAddress", "address", "envelope"]
