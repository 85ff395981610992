"""Photos: bytes by their hash, read as evidence, stripped, served in two sizes."""
