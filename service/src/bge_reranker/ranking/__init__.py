"""From a query and documents to an order: the one path that HTTP, the command line and Python callers share."""
