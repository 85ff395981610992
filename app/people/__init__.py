"""Users, posts, sessions, devices with their logs' keys, duty, and the pure ``can()``."""
