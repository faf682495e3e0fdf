"""The CPU scorer where the processor, the kernel's limits or the folders are worse than it would like."""
