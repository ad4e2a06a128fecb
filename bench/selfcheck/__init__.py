"""The claims the project makes about itself, each a script anyone can rerun: it prints the figure and the bar."""
