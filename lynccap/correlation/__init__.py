"""Joins what the tables hold into who is who, what each device tried, and where its media went."""
