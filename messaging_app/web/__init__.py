"""The pages: roles, views and their shared helpers."""
