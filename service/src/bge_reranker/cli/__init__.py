"""The command line: one thin module per command, and nothing that a library user would want."""
