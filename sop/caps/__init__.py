"""How often patients may be written to: pure rules, the ledger they count, and what a campaign would meet."""
