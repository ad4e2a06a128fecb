"""What breaks, counted in users: one experiment a file, all of one shape."""
