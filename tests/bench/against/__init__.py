"""This tree beside another commit of it, on one machine, in turns."""
