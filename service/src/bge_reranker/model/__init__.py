"""The network and its scorers: weights, attention, packed tokens, one scorer per runtime and device.

What belongs here: everything that knows torch or OpenVINO. What must not: HTTP, queues, text.

`load.load_scorer` is the way in. The room `openvino` and everything below it, and `load` itself, need no torch.
"""
