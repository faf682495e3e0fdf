"""Dashboard, rules and adapter configuration, from one description in Python.

Names of metrics are checked against the programs that have them (tests/contract), queries against a real Prometheus
(tests/monitoring).
"""
