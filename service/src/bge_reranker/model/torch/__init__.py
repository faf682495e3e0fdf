"""The scorer over packed tokens that torch computes, on GPUs and CPUs."""
