"""The model store: where a model's files lie, what they are and how they are named by digest."""
