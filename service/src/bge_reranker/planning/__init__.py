"""How many replicas a load needs, and how long its requests would take: the engine's own queue, in virtual time.

Nothing here decides who is admitted, what a batch holds or who comes first: the engine's `Dispatcher` does, as it does
in a server. What is modelled is how long a batch takes, and how requests arrive and find a replica.
"""
