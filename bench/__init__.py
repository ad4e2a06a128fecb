"""What it means: stacks, measurement protocol, analysis and the checks the project runs on itself."""
