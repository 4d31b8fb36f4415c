"""What each endpoint does: one service call, one response. The pages use the same services."""
