"""Plans: values that survive JSON, and cells that can be told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.plan import (
    BALANCINGS,
    JOURNEYS,
    ArmPlan,
    BlockPlan,
    CellPlan,
    Purpose,
    SlicePlan,
    cell,
    from_json,
    to_json,
)

PURPOSES: tuple[Purpose, ...] = ("cpu", "latency")
ARMS = st.builds(ArmPlan, balancing=st.sampled_from(BALANCINGS), journey=st.sampled_from(JOURNEYS))
SLICES = st.builds(SlicePlan, rate_rps=st.floats(0.1, 1000), purpose=st.sampled_from(PURPOSES))
BLOCKS = st.builds(
    BlockPlan,
    arms=st.lists(ARMS, max_size=4).map(tuple),
    slices=st.lists(SLICES, max_size=4).map(tuple),
)


@given(BLOCKS)
def test_a_plan_survives_json(plan: BlockPlan) -> None:
    """What a worker reads is what was planned, on one line."""
    text = to_json(plan)
    assert from_json(text) == plan
    assert "\n" not in text


@pytest.mark.parametrize("text", ["{}", "[]", "null", "{", '{"arms":[],"slices":[]}', '{"arms":[{}],"slices":[]}'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    """Anything else raises one of the errors it names."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(text)


@given(BLOCKS)
def test_a_slice_has_a_cell_per_arm(plan: BlockPlan) -> None:
    """Cells come in the order of the arms and repeat every field of arm and slice."""
    for piece in plan.slices:
        cells = plan.cells(piece)
        assert [each.arm for each in cells] == [arm.id for arm in plan.arms]
        assert all(each == cell(arm, piece) for each, arm in zip(cells, plan.arms, strict=True))


def _cell(arm: str, purpose: Purpose, rate_rps: float) -> CellPlan:
    return cell(
        ArmPlan(arm, "none", "bearer", 1, "roundrobin", "steady", 10),
        SlicePlan(purpose, rate_rps, 5, pinned=False),
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["none-1", "none-1-again", "none-2"]), st.sampled_from(PURPOSES), st.integers(1, 9999)
        ),
        unique=True,
    )
)
def test_cells_have_ids_of_their_own(cells: list[tuple[str, Purpose, int]]) -> None:
    """Two cells that differ in arm, purpose or rate differ in id."""
    assert len({_cell(*each).id for each in cells}) == len(cells)


def test_an_id_names_a_file() -> None:
    """Whole rates carry no point, broken ones do; nothing in it needs quoting."""
    assert _cell("none-bearer-1", "cpu", 40.0).id == "none-bearer-1.cpu-40"
    assert _cell("none-bearer-1", "latency", 2.5).id == "none-bearer-1.latency-2.5"
