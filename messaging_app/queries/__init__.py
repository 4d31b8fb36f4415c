"""What every request reads: each statement is built once for a kind of actor, who comes as its parameters."""
