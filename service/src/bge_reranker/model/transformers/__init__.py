"""The scorer of every other one-logit architecture, which transformers computes over padded batches."""
