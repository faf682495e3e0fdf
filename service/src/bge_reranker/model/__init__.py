"""The network and its scorers: weights, attention, packed tokens, one scorer per runtime and device.

What belongs here: everything that knows torch. What must not: HTTP, queues, text.

`load.load_scorer` is the way in. `checkpoint`, `architecture`, `tensor_names`, `selfcheck` and `threads` need
no torch.
"""
