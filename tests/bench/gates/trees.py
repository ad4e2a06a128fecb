"""Trees for tests: this very one, and a directory that is none."""

import sys
from pathlib import Path

from bench.gates.model import Tree

OURS = Tree(Path(__file__).parents[3], Path(sys.executable), "here")


def hollow(folder: Path) -> Path:
    """An empty directory, from which an installed authbench would be found."""
    return folder
