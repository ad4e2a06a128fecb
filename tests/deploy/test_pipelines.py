"""The ready workflows and the action: valid, minimal in what they may do, and calling what the command line has."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from authbench import cli
from tests.deploy.pipelines import (
    ACTION,
    CI,
    GITLAB,
    READY,
    WORKFLOWS,
    Ended,
    Step,
    command,
    load,
    run,
    step_named,
    steps_of,
    written_outputs,
)

GATE, NIGHTLY = READY / "github-gate.yml", READY / "github-nightly.yml"
SCHEMAS = {
    "github-workflows": ([], WORKFLOWS),
    "github-actions": ([], (ACTION,)),
    "gitlab-ci": (["--data-transform", "gitlab-ci"], (GITLAB,)),
}
STEPS = [step for path in (*WORKFLOWS, ACTION) for step in steps_of(path)]
AUTHBENCH = ".venv/bin/authbench"
FILLED = {"BASE": "origin/main", "CONFIG": ".", "BUDGET": "60", "MACHINE": "big", "OUTPUT": "runs/gate"}
STATUSES = {0: "pass", 1: "fail", 2: "error", 3: "error", 4: "void", 5: "inconclusive"}

MEASURE = '[ "$1" != run ] || { for last; do :; done; mkdir -p "$last"; echo "{}" > "$last/run.json"; }\n'
"""What a shell does for `authbench run`, whose last word is its directory."""

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
each_code = pytest.mark.parametrize("code", STATUSES)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_file_fits_its_schema(schema: str) -> None:
    """What the platforms publish about their files, as it is bundled with the checker."""
    options, files = SCHEMAS[schema]
    argv = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        f"vendor.{schema}",
        *options,
        *map(str, files),
    ]
    checked = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@each_workflow
def test_a_workflow_may_do_little_and_ends(path: Path) -> None:
    """It reads and nothing more, has one run a branch and a bound on its time; only the comment's job writes."""
    said = load(path)
    assert said["permissions"] == {"contents": "read"}
    assert said["concurrency"]["group"]
    assert all(job["timeout-minutes"] <= 60 for job in said["jobs"].values())
    widened = {name: job["permissions"] for name, job in said["jobs"].items() if "permissions" in job}
    assert widened == ({"comment": {"pull-requests": "write"}} if path == GATE else {})


def test_what_may_write_runs_no_code_of_the_change() -> None:
    """The job that comments checks nothing out, has no action but the download, and asks the repository's leave."""
    job = load(GATE)["jobs"]["comment"]
    assert [step["uses"].split("@")[0] for step in job["steps"] if "uses" in step] == ["actions/download-artifact"]
    assert "vars.AUTHBENCH_COMMENT == 'true'" in job["if"]
    assert "head.repo.full_name == github.repository" in job["if"]


def test_actions_are_official_and_pinned_alike() -> None:
    """Every action is ours or GitHub's own at one major version, the same in all files."""
    used = {step.uses for step in STEPS if step.uses} - {"./"}
    assert [name for name in used if not re.fullmatch(r"actions/[\w-]+@v\d+", name)] == []
    assert len(used) == len({name.split("@")[0] for name in used})


@pytest.mark.parametrize("step", [step for step in STEPS if step.script], ids=lambda step: step.place)
def test_no_expression_stands_in_a_script(step: Step) -> None:
    """What a pull request names reaches a shell as the value of a variable, never as its text."""
    assert "${{" not in step.script


@pytest.mark.parametrize("path", [CI, GATE], ids=lambda path: path.stem)
def test_the_base_is_there(path: Path) -> None:
    """Whoever compares has the whole history, and the commit that the pull request wants to go to."""
    steps = list(load(path)["jobs"]["gate"]["steps"])
    assert steps[0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    bases = {**steps[1].get("with", {}), **step_named(path, "gate").said.get("env", {})}
    assert "origin/${{ github.base_ref }}" in bases.values()


def test_this_repository_uses_its_own_action() -> None:
    """With inputs that it has, reading an output that it has."""
    (step,) = (step.said for step in steps_of(CI) if step.uses == "./")
    said = load(ACTION)
    assert set(step["with"]) <= set(said["inputs"])
    read = set(re.findall(rf"steps\.{step['id']}\.outputs\.([\w-]+)", CI.read_text("utf-8")))
    assert read
    assert read <= set(said["outputs"])


def test_every_input_is_used_and_every_output_is_made() -> None:
    """The action reads exactly the inputs it declares, each with a default; its steps' outputs are written by them."""
    text, said = ACTION.read_text("utf-8"), load(ACTION)
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(said["inputs"])
    assert all("default" in told and told["description"] for told in said["inputs"].values())
    made = {step.said["id"]: written_outputs(step.script) for step in steps_of(ACTION) if "id" in step.said}
    made["python"] = {"python-version"}
    for step, output in re.findall(r"steps\.(\w+)\.outputs\.([\w-]+)", text):
        assert output in made[step]


def gated(place: Path, code: int, **environment: str) -> Ended:
    """The gate's step of the action, where `authbench` ends with `code`."""
    command(place / AUTHBENCH, code=code)
    blank = dict.fromkeys(FILLED, "") | {"CONFIG": ".", "OUTPUT": "runs/gate"}
    return run(step_named(ACTION, "gate").script, place, blank | environment)


@each_code
@pytest.mark.parametrize("strict", ["true", "false"])
def test_the_action_says_how_the_gate_ended(tmp_path: Path, code: int, strict: str) -> None:
    """The status always, the exit code as it is; but inconclusive is a warning unless the user wants it red."""
    ended = gated(tmp_path, code, FAIL_ON_INCONCLUSIVE=strict)
    is_warning = code == 5 and strict == "false"
    assert ended.outputs == {"status": STATUSES[code]}
    assert ended.code == (0 if is_warning else code)
    assert ("::warning " in ended.printed) == is_warning


def test_the_action_passes_on_what_it_was_given(tmp_path: Path) -> None:
    """Words with blanks stay whole; what is empty is not said."""
    (call,) = gated(tmp_path, 0).calls
    assert call == ("gate", "--config", ".", "-o", "runs/gate")
    (call,) = gated(tmp_path, 0, BASE="a b", BUDGET="60", MACHINE="$(id)").calls
    assert call[5:] == ("--base", "a b", "--budget", "60", "--machine", "$(id)")


@each_code
def test_the_ready_gate_is_red_only_for_a_reason(tmp_path: Path, code: int) -> None:
    """Inconclusive is a warning; every other code ends the step as it is."""
    command(tmp_path / AUTHBENCH, code=code)
    ended = run(step_named(GATE, "gate").script, tmp_path, FILLED)
    assert ended.code == (0 if code == 5 else code)
    assert ("::warning " in ended.printed) == (code == 5)


def scripts() -> dict[str, str]:
    """Every script that calls authbench."""
    found = {step.place: step.script for step in STEPS if "/authbench" in step.script}
    return found | {GITLAB.name: "\n".join(load(GITLAB)["gate"]["script"])}


@pytest.mark.parametrize("script", scripts().values(), ids=scripts().keys())
def test_every_call_is_one_that_authbench_has(tmp_path: Path, script: str) -> None:
    """Each script runs to its end, and the command line takes every call that it makes."""
    (tmp_path / "bin").mkdir()
    command(tmp_path / "bin/make")
    command(tmp_path / AUTHBENCH, then=MEASURE)
    ended = run(script, tmp_path, {**FILLED, "CI_MERGE_REQUEST_DIFF_BASE_SHA": "0123abc"})
    assert ended.code == 0, ended.printed
    calls = [call for call in ended.calls if call != ("setup",)]
    assert calls
    for call in calls:
        cli._parser().parse_args(call)


@pytest.mark.parametrize(("known", "method"), [("", "POST"), ("41\n", "PATCH")], ids=["the first", "a later one"])
def test_one_comment_is_kept_up_to_date(tmp_path: Path, known: str, method: str) -> None:
    """The first run makes the comment that its hidden marker finds again; a later run replaces it."""
    (tmp_path / "comment.md").write_text("<!-- marker -->\nfine\n", encoding="utf-8")
    command(
        tmp_path / "bin/gh", then=f'[ "$2" != --paginate ] || printf "{known}"\n[ "$MARKER" = "<!-- marker -->" ]\n'
    )
    ended = run(step_named(GATE, "comment").script, tmp_path, {"COMMENTS": "r/1/comments", "COMMENT": "r/comments"})
    assert ended.code == 0
    asked, told = ended.calls
    assert asked[:3] == ("api", "--paginate", "r/1/comments")
    assert method in told
    assert told[-3:] == ("r/comments/41" if known else "r/1/comments", "--field", "body=@comment.md")


def test_gitlab_tells_red_from_inconclusive() -> None:
    """Exit code 5 alone is allowed; the report of the tests is there whatever came out; it is for merge requests."""
    job = load(GITLAB)["gate"]
    assert job["allow_failure"] == {"exit_codes": 5}
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"]["junit"] == "runs/gate/junit.xml"
    assert job["variables"]["GIT_DEPTH"] == "0"
    assert "merge_request_event" in job["rules"][0]["if"]
