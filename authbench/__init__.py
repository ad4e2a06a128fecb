"""The front door: the command line. Only this room may import all others."""
