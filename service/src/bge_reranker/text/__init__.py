"""Text to tokens: pair layout, truncation, the query limit and windows over long documents.

What belongs here: everything that decides which tokens a pair has. What must not: scores, HTTP, torch.
"""
