"""How it is told: a finished summary becomes tables, plots and one page."""
