"""One module for each thing that is examined: what is found, apart from what is thought of it."""
