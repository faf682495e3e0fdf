"""How well a reranker orders documents: measures, judged sets, a lexical baseline and the relevance gate.

A reranker is only ever a callable from a query and documents to scores. Nothing is imported here: a server that judges
nothing has no need of the measures' libraries.
"""
