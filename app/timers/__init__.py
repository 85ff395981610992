"""Deadlines: working time, and rows that are due; the scheduler is only a tick."""
