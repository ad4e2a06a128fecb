"""The front door, the command line: the only room that may import all others."""
