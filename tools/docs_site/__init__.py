"""The documentation as a site: staged from the tree, built by zensical, checked."""
