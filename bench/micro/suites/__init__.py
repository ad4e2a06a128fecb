"""What is measured, a file each: run by pytest and pytest-benchmark in a process of their own."""
