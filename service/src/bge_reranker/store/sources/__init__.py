"""Where models come from: one module a kind of source, and beside it the client of those that need one."""
