"""The command line: one thin module per command. What must not be here: anything a library user would want."""
