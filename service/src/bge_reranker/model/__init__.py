"""The network and its scorers, in rooms: families, checkpoint, checks, machine, torch, transformers, openvino.

`load.load_scorer` is the way in; what it loads lazily is all that needs torch.
"""
