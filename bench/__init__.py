"""How fast the messaging centre is: seeding, load, growth and report. `python -m bench --help`."""
