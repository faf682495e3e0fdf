"""What is generated into the Helm chart: the schema of its values, the service's defaults, the README's table.

What must not be here: anything about templates, which are written by hand, or about the operator's resource, whose
schema is made from this one.
"""
