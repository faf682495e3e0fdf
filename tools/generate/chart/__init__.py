"""What is generated into the Helm chart: the schema of its values, the service's defaults, the README's table."""
