"""What hostile, broken and careless inputs do: one table for all rooms, each row with the outcome that is right."""
