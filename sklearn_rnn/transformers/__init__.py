"""What happens to a series before a network reads it, and how it is undone."""
