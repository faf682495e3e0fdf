"""`make bench-peers`: the scorer beside other rerankers on the same machine, documents and minutes."""
