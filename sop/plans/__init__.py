"""Plans in the database: versions, publication, states, and the book the engines read."""
