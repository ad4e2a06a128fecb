"""The only room that imports Locust: its users, the dispatcher that drives them, and what ships their samples."""
