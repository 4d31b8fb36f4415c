"""The pages: roles, views, and what they share."""
