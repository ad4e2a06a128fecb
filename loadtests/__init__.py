"""How it is loaded: seeded schedules, visitors, Locust, and the record of what happened."""
