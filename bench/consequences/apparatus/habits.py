"""Active, pausing and idle users, and what becomes of each while the service clock is moved past their limits."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from bench.consequences.apparatus.moved_clock import Diary
from bench.measure.proof import Counts, difference
from loadtests.visitor import Visitor, log_in, read

Kind = Literal["active", "pausing", "idle"]

GAP_S = 20
"""Between two requests of an active user. Gaps are the unit of all that follows, counted from the login."""
IDLE_GAPS, ABSOLUTE_GAPS, END_GAPS = 30, 75, 80
ACCESS_GAPS = 6
"""How long an access token lives that can be renewed."""
PAUSE_GAPS, AWAY_GAPS = 18, 45
"""A pause is shorter than the idle limit, and who is idle is away for longer."""
BUSY_GAPS, SEEN_GAPS = 25, 3
"""Pauses begin within the first of these; an idle user goes after the second."""
OK = 200


@dataclass(frozen=True, slots=True)
class Habit:
    """When a user asks after his login."""

    kind: Kind
    visits: frozenset[int]


def habits(each: int) -> tuple[Habit, ...]:
    """`each` users of every kind; pauses begin at moments that are spread evenly."""
    stops = [BUSY_GAPS * number // (each + 1) for number in range(1, each + 1)]
    return (
        *[Habit("active", frozenset(range(1, END_GAPS + 1)))] * each,
        *(Habit("pausing", frozenset((*range(1, stop + 1), stop + PAUSE_GAPS))) for stop in stops),
        *[Habit("idle", frozenset((*range(1, SEEN_GAPS + 1), SEEN_GAPS + AWAY_GAPS)))] * each,
    )


@dataclass(frozen=True, slots=True)
class Pace:
    """How time passes: `is_moved`, by jumps of the service clock, or not at all.

    `redis_idle_s`: the idle limit where Redis keeps it; time then passes for Redis as well, as much faster. 0: nowhere.
    """

    redis_idle_s: int
    is_moved: bool

    def moment_s(self, gaps: int) -> float:
        """When that many gaps are over, in seconds after the beginning, for those who keep to no service clock."""
        return gaps * self.redis_idle_s / IDLE_GAPS if self.is_moved else 0.0

    def is_within_idle(self, gaps: int, away_s: float) -> bool:
        """Whether someone may stay who was away for `gaps`, which really took `away_s`."""
        if self.redis_idle_s and away_s >= self.redis_idle_s:
            return False
        return gaps < IDLE_GAPS or not self.is_moved

    def is_beyond_idle(self, gaps: int, away_s: float) -> bool:
        """Whether he must go; a machine that stands still leaves moments at which neither can be asked for."""
        return self.is_moved and gaps >= IDLE_GAPS and away_s >= self.redis_idle_s


@dataclass(slots=True)
class Stay:
    """One user and what became of him. Who is refused is out, and does not come again.

    `kicked`: refused though he might expect to stay. `forgotten`: let in though he was idle for too long. `replaced`:
    when he was given another token; `overstayed_gaps`: how long after the absolute limit he was let in.
    """

    habit: Habit
    visitor: Visitor
    asked: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)
    kicked: bool = False
    forgotten: bool = False
    overstayed_gaps: int = 0
    _seen_s: float = field(default_factory=time.monotonic)

    @property
    def is_out(self) -> bool:
        """Whether he was refused."""
        return len(self.asked) > len(self.accepted)

    def ask(self, diary: Diary, gaps: int, pace: Pace) -> None:
        """A request, and what its answer means to a user who was promised an idle and an absolute limit."""
        away, away_s = gaps - max((0, *self.accepted)), time.monotonic() - self._seen_s
        is_over = pace.is_moved and gaps > ABSOLUTE_GAPS
        may_stay = pace.is_within_idle(away, away_s) and not is_over
        held = self.visitor.credential
        is_in = diary.ask(self.visitor, read, was_good=may_stay and self._is_fresh(gaps, pace)).status == OK
        self.asked.append(gaps)
        if not is_in:
            self.kicked = may_stay
            return
        self.accepted.append(gaps)
        self.replaced += [gaps] * (held != self.visitor.credential)
        self.forgotten = self.forgotten or pace.is_beyond_idle(away, away_s)
        self.overstayed_gaps = gaps - ABSOLUTE_GAPS if is_over else 0
        self._seen_s = time.monotonic()

    def _is_fresh(self, gaps: int, pace: Pace) -> bool:
        """Whether his access token is good; where it is not and can be renewed, its refusal is nobody's loss."""
        is_old = pace.is_moved and gaps - max((0, *self.replaced)) > ACCESS_GAPS
        return not (is_old and self.visitor.can_refresh)


@dataclass(frozen=True, slots=True)
class Company:
    """Everybody of one arm; `requests`, their `bytes` and the `commands` of stores count until the absolute limit."""

    stays: tuple[Stay, ...]
    requests: int
    bytes: int
    commands: Counts

    def of(self, kind: Kind) -> tuple[Stay, ...]:
        """Those of one kind."""
        return tuple(stay for stay in self.stays if stay.habit.kind == kind)


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where time passes."""

    diary: Diary
    pace: Pace
    began_s: float

    def play(self, stays: Sequence[Stay], moments: range) -> None:
        """Let everybody ask whose habit it is and who was not refused before."""
        for gaps in moments:
            time.sleep(max(0.0, self.began_s + self.pace.moment_s(gaps) - time.monotonic()))
            for stay in stays:
                if gaps in stay.habit.visits and not stay.is_out:
                    self.diary.clock.jump(gaps * GAP_S if self.pace.is_moved else 0)
                    stay.ask(self.diary, gaps, self.pace)


def company(diary: Diary, each: int, pace: Pace) -> Company:
    """Everybody logs in, then comes and goes as his habit is; takes `pace.moment_s(END_GAPS)` at least."""
    arm = diary.bench.arm
    stays = tuple(Stay(habit, diary.visitor(number)) for number, habit in enumerate(habits(each)))
    for stay in stays:
        diary.clock.jump(0)
        diary.ask(stay.visitor, log_in)
    before, first = arm.store_commands(), len(diary.samples)
    scene = _Scene(diary, pace, time.monotonic())
    scene.play(stays, range(1, ABSOLUTE_GAPS))
    commands, samples = difference(before, arm.store_commands()), diary.samples[first:]
    requests = sum(len(stay.asked) for stay in stays)
    scene.play(stays, range(ABSOLUTE_GAPS + 1, END_GAPS + 1))
    return Company(stays, requests, sum(sample.bytes_up + sample.bytes_down for sample in samples), commands)


def spaced(moments: Sequence[int], least: int) -> int:
    """How many of ascending moments lie at least so far after the one counted before, the first after 0."""
    counted = [0]
    for moment in moments:
        if moment - counted[-1] >= least:
            counted.append(moment)
    return len(counted) - 1
