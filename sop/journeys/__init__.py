"""Journeys: what each patient is owed by the plans she is in, found, decided and carried out in time."""
