"""What the commands do: directory import, demo, settings, check."""
