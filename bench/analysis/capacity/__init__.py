"""From measured constants to what a deployment needs: pure functions, every constant with the cell it came from."""
