"""What every request reads, built once."""
