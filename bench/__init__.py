"""``make bench``: what the running stack does, measured against a baseline of the same run."""
