"""Who is responsible for what, where it has gaps, and who gets a case."""
