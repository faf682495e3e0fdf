"""`make bench`: tokens per second and latency over HTTP beside the same model in a bare loop, in one run."""
