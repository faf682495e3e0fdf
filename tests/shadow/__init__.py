"""The version beside the served one: what is sampled, and what it costs when it is slow or gone."""
