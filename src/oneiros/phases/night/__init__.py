"""Night phases that dream, and where their dreams come from."""
