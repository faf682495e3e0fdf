"""What every scorer is checked with before it serves, whichever library computes."""
