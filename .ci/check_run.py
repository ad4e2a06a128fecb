"""Whether a tiny run of `none`, `jwt-hs256` and `memory-session` at one and two replicas is what it must be."""

import json
import sys
from pathlib import Path

CELLS = 14
ALONE = "memory-session-cookie-2."


def main(directory: Path, code: int) -> None:
    """Exit with what is wrong."""
    run = json.loads((directory / "run.json").read_text(encoding="utf-8"))
    cells = {cell["id"]: cell for cell in run["summary"]["cells"]}
    invalid = {name: cell["verdict"] for name, cell in cells.items() if cell["verdict"]["status"] != "VALID"}
    refused = {name: cell["refusals"]["ratio"]["value"] for name, cell in cells.items()}
    checks = {
        f"exit code {code}, expected 0": code == 0,
        f"status {run['status']}, expected complete": run["status"] == "complete",
        f"{len(cells)} cells, expected {CELLS}": len(cells) == CELLS,
        f"not VALID: {invalid}": not invalid,
        f"refused: {refused}, expected about half of {ALONE}* and nothing else": all(
            0.3 < ratio < 0.7 if name.startswith(ALONE) else ratio == 0  # noqa: PLR2004 - 1 - 1/2, loosely
            for name, ratio in refused.items()
        ),
        "no report.html": (directory / "report.html").exists(),
        "a proof does not hold": all(check["holds"] for proof in run["proofs"] for check in proof["checks"]),
    }
    wrong = [claim for claim, holds in checks.items() if not holds]
    sys.exit("\n".join(wrong) or None)


main(Path(sys.argv[1]), int(sys.argv[2]))
