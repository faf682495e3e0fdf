"""Programs beside the package: builds the container images with whatever tool the machine has."""
