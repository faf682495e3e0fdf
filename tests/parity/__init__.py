"""Scores of this service beside those of the references it reproduces: `make parity`.

`make test` runs none of it: the references need packages that take gigabytes.
"""
