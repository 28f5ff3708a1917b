"""Files from the clinic's own system: CSV and Excel, read row by row, and never believed."""
