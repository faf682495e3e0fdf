"""What runs in a peer's own environment; nothing here may import the scorer."""
