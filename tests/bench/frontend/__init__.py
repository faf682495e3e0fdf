"""`make bench-frontend`: what the server costs around a scorer that only takes a GPU's time."""
