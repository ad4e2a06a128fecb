"""What a team holds its code to: budgets and comparisons that pass, fail, or say that they cannot tell."""
