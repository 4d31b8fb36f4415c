"""Mail for those who are away: what it says, whether it is due, and how it reaches the mail server."""

from messaging_app.mail.headers import NoAddress, address, envelope

__all__ = ["NoAddress", "address", "envelope"]
