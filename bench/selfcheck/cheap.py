"""The harness adds little to what it measures: the service against a bare app, `verify` against the bare library."""

from collections.abc import Iterator

from bench.analysis.model import Estimate
from bench.measure.run import PASSWORD_PROFILE
from bench.micro.server import VISITORS, ratio_to_bare
from bench.micro.verify import ratios
from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.rig import supervisor
from bench.stack.foundation import lay_foundation
from bench.stack.postgres import start_postgres
from services.settings import Settings

SERVICE_BAR = 1.10
VERIFY_BAR = 1.15


def run() -> Iterator[Finding]:
    """Ratios of CPU time, paired; the bar is held by the estimate, its interval is shown."""
    with supervisor() as started:
        for found in ratios(started):
            figure = f"verify of {found.scheme}: {_spelled(found.ratio)} of {found.floor}"
            yield Finding(figure, f"<= {VERIFY_BAR:.2f}x", found.ratio.value <= VERIFY_BAR)
        settings = Settings(password_profile=PASSWORD_PROFILE)
        ratio = ratio_to_bare(lay_foundation(started, start_postgres(started), settings, VISITORS))
        figure = f"GET profile under none: {_spelled(ratio)} of a bare Falcon app"
        yield Finding(figure, f"<= {SERVICE_BAR:.2f}x", ratio.value <= SERVICE_BAR)


def _spelled(ratio: Estimate) -> str:
    return f"{ratio.value:.3f}x ({ratio.low:.3f}-{ratio.high:.3f})"


CHECK = Selfcheck("cheap", "what is measured is the scheme, not the harness around it", "90 s", run)
