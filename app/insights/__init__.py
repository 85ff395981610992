"""The figures behind maps and boards."""
