"""Tools of the house that need nothing but Python itself: the start, and the private database server."""
