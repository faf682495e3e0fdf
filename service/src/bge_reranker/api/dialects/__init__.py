"""One module per dialect, by its name: how one client family asks, and how it reads the answer."""
