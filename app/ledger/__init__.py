"""One append-only table of what happened, sealed in hash-chained batches."""
