"""Authentication: sessions, sign-in, passwords, tokens and rate limits."""
