"""Programs that call client libraries, one for each environment, run there as `python -m tests.clients.drivers.NAME`.

They import none of this project's packages, which those environments do not have.
"""
