"""The application for servers and for `flask --app wsgi`."""

from messaging_app import create_app

app = create_app()
