"""How the application talks to its database."""
