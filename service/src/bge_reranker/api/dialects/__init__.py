"""One module per dialect: how one client family asks, and how it reads the answer."""
