"""`make bench-scaling`: what a request costs as it grows, and as more of them come at once."""
