"""What trained networks did with their clusters."""
