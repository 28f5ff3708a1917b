"""What follows from what happened: pure decisions on frozen facts, no I/O, no clock."""
