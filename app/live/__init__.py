"""Server-sent events: the ledger, live, to those who may see it."""
