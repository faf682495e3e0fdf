"""The model store: resolving references, hashing and verifying files."""
