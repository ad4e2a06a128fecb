"""A signal that ends a command is heard, at the latest at its next stage."""

import signal
from contextlib import suppress

import pytest

from authbench import interruption
from authbench.progress import live_progress


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_went_unheard_ends_the_next_stage(number: signal.Signals) -> None:
    """The exception was dropped, as a finaliser drops it; until then, and after another start, stages go on."""
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    try:
        interruption.listen()
        with live_progress() as progress:
            progress.stage("one")
            with suppress(KeyboardInterrupt):
                signal.raise_signal(number)
            with pytest.raises(KeyboardInterrupt):
                progress.stage("two")
            interruption.listen()
            progress.stage("three")
    finally:
        for one, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(one, handler)
