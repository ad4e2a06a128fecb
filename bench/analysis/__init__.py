"""Pure functions from records to figures, each with its interval."""
