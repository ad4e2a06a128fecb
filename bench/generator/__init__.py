"""Our load generator beside others: the same journeys against the same server, paired, each by its own best means."""
