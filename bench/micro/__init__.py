"""Microbenchmarks: what one call costs beside its floor, the bare library or server doing the same."""
