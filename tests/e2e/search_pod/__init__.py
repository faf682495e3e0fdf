"""What runs inside the search pod, and nowhere else: a search team that uses the service."""
