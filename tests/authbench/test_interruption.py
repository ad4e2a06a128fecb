"""A signal that ends a command is heard, at the latest at its next stage."""

import signal
from contextlib import suppress

import pytest

from authbench import interruption
from authbench.progress import live_progress


@pytest.mark.parametrize("number", interruption.SIGNALS)
def test_a_signal_that_went_unheard_ends_the_next_stage(number: signal.Signals) -> None:
    """The exception was dropped, as a finaliser drops it; until then, and in another command, stages go on."""
    before = [signal.getsignal(one) for one in interruption.SIGNALS]
    with live_progress() as progress:
        with interruption.listening():
            progress.stage("one")
            with suppress(KeyboardInterrupt):
                signal.raise_signal(number)
            with pytest.raises(KeyboardInterrupt):
                progress.stage("two")
        progress.stage("three")
    assert [signal.getsignal(one) for one in interruption.SIGNALS] == before
