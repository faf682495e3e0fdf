"""Real servers on loopback that models are fetched from, with faults on request."""
