"""What this machine grants the process: threads, memory and the instruction sets of its processor."""
