"""The phone's log: intake, exactly once, and the feed back to the phone."""
