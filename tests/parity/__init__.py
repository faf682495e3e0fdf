"""Scores of this service beside those of the references it reproduces: `make parity`.

What belongs here: checkpoints made on the spot, pairs, the references in environments of their own, the comparison.
What must not: anything that `make test` runs; this needs packages that take gigabytes.
"""
