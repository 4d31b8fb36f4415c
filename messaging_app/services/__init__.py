"""What the application does for its people: check the policy, call the models' verbs, commit once, announce."""
