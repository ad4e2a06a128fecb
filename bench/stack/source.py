"""Which Python runs the services of an arm, and from where: ours, unless another state of them is measured beside."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """`path`: the tree in which `python` looks for modules first; None: what is installed with it.

    Settings that an older tree does not know are ignored by it, as its services ignore every unknown variable.
    """

    python: Path
    path: Path | None = None

    def environment(self) -> Mapping[str, str]:
        """What a process of it is started with, beside its settings."""
        if self.path is None:
            return {}
        inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        paths = [self.path, *(Path(path) for path in inherited if path)]
        return {"PYTHONPATH": os.pathsep.join(str(path.absolute()) for path in paths)}


OURS = Source(Path(sys.executable))
