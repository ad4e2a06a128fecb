"""The stack under test: real servers, started together and owned to the last process."""
