"""Recurrences compiled for the processor at hand, the first time that they are needed."""
