"""A real server on real sockets, around a scorer that does what the documents' words tell it to."""
