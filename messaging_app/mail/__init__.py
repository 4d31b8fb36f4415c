"""Mail for those who are away: what it says, whether it is due, and how it reaches the mail server."""
