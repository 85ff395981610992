"""The worker: what happens by the clock."""
