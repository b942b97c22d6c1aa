"""What each device tried, step by step, and how far it came."""
