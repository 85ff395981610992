"""Ways to a person, a file each: they send one message to one address and say how it went."""
