"""`python -m bge_reranker`: the command line, where no script of that name is on the path."""

from .cli.main import main

main()
