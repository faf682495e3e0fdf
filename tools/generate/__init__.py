"""What writes the generated parts of this tree. What must not be here: anything that runs in production."""
