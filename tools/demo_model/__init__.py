"""Training pipeline of the embedded demonstration model.

It makes the checkpoint folder `bge_reranker/demo/model`. The service imports none of it.
"""
