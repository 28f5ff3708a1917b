"""The demonstration: the program and a simulated tenant, playing the main story once."""
