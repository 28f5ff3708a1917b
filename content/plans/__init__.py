"""Plans (SOPs) as documents: one format for journeys, group plans and moments plans."""
