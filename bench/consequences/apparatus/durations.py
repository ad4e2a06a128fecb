"""Durations from seconds to a year, in words."""

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 24 * 3600


def spelled(seconds: float) -> str:
    """In the largest unit of which there is one: `8 h`."""
    units = {"d": DAY_S, "h": HOUR_S, "min": MINUTE_S, "s": 1}
    name = next((name for name, long_s in units.items() if seconds >= long_s), "s")
    return f"{seconds / units[name]:.3g} {name}"
