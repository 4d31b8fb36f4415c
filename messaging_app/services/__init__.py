"""The use cases: check the policy, call the models' verbs, commit once, announce."""
