"""The escalation policy: its document, what is wrong with one, the next step, the dry run."""
