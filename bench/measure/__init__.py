"""The protocol of a measurement, from proof to verdict."""
