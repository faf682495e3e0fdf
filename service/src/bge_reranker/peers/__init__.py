"""Other servers of the same service, as a starting one asks them: what they serve, and how they rank.

Whoever answers may be slow, unready or not what it says: every answer is bounded in time and size, and nothing is taken
over that is not of the expected shape.
"""
