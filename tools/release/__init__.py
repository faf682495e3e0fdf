"""Programs beside the packages: makes, signs, pushes and verifies a release; gathers one for a site without network."""
