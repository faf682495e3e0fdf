"""Text to tokens: pair template, truncation, the query limit and windows over long documents."""
