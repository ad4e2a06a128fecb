"""A gate run as JUnit XML: a test case a gate, which passes, fails, or was not judged and is skipped with its reason.

Void, inconclusive and advisory gates are skipped: consumers colour what is skipped neither red nor green. Every case
has its status as a property, and the message of one that did not pass begins with it.
"""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from bench.gates.model import GateRun
from reports.gate_words import NAME_MAX, SENTENCE_MAX, Told, canaries, circumstances, closing, commit, plain, told

SUITE = "authbench gate"
CLASS = "authbench.gate"


def junit(run: GateRun) -> str:
    """The document, well-formed whatever the texts in it, with its declaration."""
    gates = told(run)
    root = Element("testsuites", {"name": SUITE, **_counts(gates, run)})
    suite = SubElement(root, "testsuite", {"name": SUITE, **_counts(gates, run)})
    suite.set("timestamp", plain(run.started_at, NAME_MAX))
    _properties(suite, _circumstances(run))
    for one in gates:
        _case(suite, one)
    SubElement(suite, "system-out").text = "\n".join((closing(run), *canaries(run), circumstances(run)))
    indent(root)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written.decode() + "\n"


def _counts(gates: tuple[Told, ...], run: GateRun) -> dict[str, str]:
    standings = [one.status for one in gates]
    failures, passed = standings.count("fail"), standings.count("pass")
    return {
        "tests": str(len(gates)),
        "failures": str(failures),
        "errors": "0",
        "skipped": str(len(gates) - failures - passed),
        "time": _seconds(run.took_s),
    }


def _circumstances(run: GateRun) -> dict[str, str]:
    base = {"base": commit(run.base)} if run.base else {}
    canaries = {f"canary-{one.kind}": one.status.upper() for one in run.canaries}
    return {"status": run.status.upper(), "candidate": commit(run.candidate), **base, **canaries}


def _case(suite: Element, one: Told) -> None:
    case = SubElement(suite, "testcase", {"classname": CLASS, "name": one.name, "time": _seconds(one.took_s)})
    _properties(case, {"status": one.word, "found": one.found, "bar": one.bar})
    if one.status == "pass":
        return
    outcome = SubElement(case, "failure" if one.status == "fail" else "skipped")
    outcome.set("message", plain(f"{one.word}: {one.line}", SENTENCE_MAX))
    if one.status == "fail":
        outcome.set("type", CLASS)
    outcome.text = one.line


def _properties(parent: Element, values: dict[str, str]) -> None:
    properties = SubElement(parent, "properties")
    for name, value in values.items():
        SubElement(properties, "property", {"name": name, "value": value})


def _seconds(took_s: float) -> str:
    return f"{took_s:.3f}"
