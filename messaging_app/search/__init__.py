"""Search: what is indexed of a conversation (`documents`), what one can type (`asking`), what is shown (`marks`).

The index keeps documents: one per message, and one per conversation for its subject and the names in it.
"""
