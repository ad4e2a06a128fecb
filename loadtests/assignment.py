"""What a generator process is handed: the block's plan, where each arm listens and who may log in."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from loadtests import plan as plans
from loadtests.plan import BlockPlan

USERNAME = "user-{:06d}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where an arm's load balancer listens, by TLS or not, and from which seeded user on its visitors log in."""

    host: str
    port: int
    tls: bool = False
    first_user: int = 0

    @property
    def authority(self) -> str:
        """What a request's Host header says."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """`targets` in the order of the plan's arms. `timeout_s` bounds every wait for a piece of an answer."""

    plan: BlockPlan
    targets: tuple[Target, ...]
    password: str = field(repr=False)
    timeout_s: float = 10.0

    def username(self, visitor: int) -> str:
        """The user a visitor logs in as; every visitor is its own."""
        return USERNAME.format(visitor)


def to_json(assignment: Assignment) -> str:
    """One line of JSON; it holds the users' password. `from_json` gives the equal assignment back."""
    document = {
        "plan": plans.to_json(assignment.plan),
        "targets": [asdict(target) for target in assignment.targets],
        "password": assignment.password,
        "timeout_s": assignment.timeout_s,
    }
    return json.dumps(document)


def from_json(text: str) -> Assignment:
    """The assignment `to_json` wrote. ValueError, KeyError or TypeError when it is not one."""
    document = json.loads(text)
    return Assignment(
        plan=plans.from_json(document["plan"]),
        targets=tuple(Target(**target) for target in document["targets"]),
        password=document["password"],
        timeout_s=document["timeout_s"],
    )


def write_assignment(path: Path, assignment: Assignment) -> None:
    """Write for `read_assignment`; readable by its owner alone, for it holds the users' password."""
    path.touch(mode=0o600)
    path.write_text(to_json(assignment), encoding="utf-8")


def read_assignment(path: Path) -> Assignment:
    """The assignment at `path`. OSError, ValueError, KeyError or TypeError when it is not one."""
    return from_json(path.read_text(encoding="utf-8"))
