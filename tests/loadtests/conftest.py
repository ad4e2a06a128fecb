"""Properties of this room hold on a busy machine too: no example has a deadline."""

from hypothesis import settings

settings.register_profile("loadtests", deadline=None)
settings.load_profile("loadtests")
