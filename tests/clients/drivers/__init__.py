"""Programs that call client libraries, one for each environment, run there as `python -m tests.clients.drivers.NAME`.

What belongs here: calling a library as its users do. What must not: this project's packages, which those environments
do not have, and any judgement of what came back.
"""
