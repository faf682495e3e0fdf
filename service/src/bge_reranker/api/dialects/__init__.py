"""One module per dialect: how one client family asks, and how it reads the answer.

What belongs here: field names, answer shapes and what a family's own server does with long texts. What must not:
choosing between dialects (`dispatch`), the statuses and bodies of errors (`error_table`), ranking.
"""
