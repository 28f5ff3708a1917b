"""One module per kind of callback: what follows from an event."""
