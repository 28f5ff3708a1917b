"""The library: texts and assets in the database, where staff edit them (docs/adr/0015)."""
