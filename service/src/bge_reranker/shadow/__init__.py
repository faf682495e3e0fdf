"""Another version beside the served one: a sample of answered requests is scored by it, out of every caller's way."""
