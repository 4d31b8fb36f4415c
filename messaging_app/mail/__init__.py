"""E-mail about unread messages: content, due times and delivery."""

from messaging_app.mail.headers import NoAddress, address, envelope

__all__ = ["NoAddress", "address", "envelope"]
