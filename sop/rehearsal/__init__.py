"""Playing the active plans forward on a virtual clock, with people as a model, to see what would happen."""
