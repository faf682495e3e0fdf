"""Training of the embedded dual encoder: pictures that are drawn here, and captions of what is on them."""
