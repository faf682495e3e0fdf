"""Families of networks that are computed over packed tokens: one module each, and the registry of all."""
