"""A checkpoint's files: what they claim, which tensors they hold, how those are named and stored."""
