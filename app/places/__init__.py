"""The tree street, area, grid unit, community; checkpoints and their tags; which unit a point is in."""
