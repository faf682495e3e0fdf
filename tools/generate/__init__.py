"""Writes the generated parts of this tree."""
