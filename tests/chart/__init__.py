"""What the chart renders from which values, without a cluster."""
