"""What every request reads. Each statement is built once per role; the actor is passed as parameters."""
