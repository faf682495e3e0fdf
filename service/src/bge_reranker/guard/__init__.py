"""Who may ask: the keys of callers.

What belongs here: keys, where they come from, and whether a request's headers hold one. What must not: routes, shapes
of answers.
"""
