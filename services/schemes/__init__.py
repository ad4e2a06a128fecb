"""Every way to keep a user logged in, one file each, in the same order, so that any two can be compared."""
