"""What experiments share: users and thieves to act, arms that suit a question, and what samples say about it."""
