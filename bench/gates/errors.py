"""What a user got wrong about gates, each said in one line: found, expected, what to do."""


class ConfigError(Exception):
    """The gates cannot be had: a file, a key or a value is wrong; the message says where."""


class GateError(Exception):
    """A gate asks for what nobody can measure; told before anything is started."""


class UnknownRefError(Exception):
    """The base that the user names is no commit."""
