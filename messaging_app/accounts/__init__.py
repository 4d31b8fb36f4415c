"""Who may come in: sessions, sign-in, passwords, tokens, and how often somebody may do something."""
