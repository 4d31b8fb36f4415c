"""The statements that requests read with. Each is built once per role; the actor is passed as parameters."""
