"""`make fuzz`: malformed requests in great number against a live server."""
