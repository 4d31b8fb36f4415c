"""Search: what is indexed (`documents`), the query language (`asking`), and highlighted excerpts (`marks`).

The index keeps documents: one per message, and one per conversation for its subject and the names in it.
"""
