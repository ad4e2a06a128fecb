"""The web UI in containers as people meet it: a browser, the form, workers that send the load, and the Auth tab."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.authbench.browser import Tab, opened_tab
from tests.compose.project import SCALE, Project

FORM = {"userCount": "12", "spawnRate": "12", "rate": "60"}


@pytest.fixture
def tab(project: Project) -> Iterator[Tab]:
    """A browser with the form open; the page may complain of nothing."""
    with opened_tab(f"http://127.0.0.1:{project.ports['UI_PORT']}") as tab:
        again, more = tab.page.get_by_role("button", name="New"), tab.page.get_by_text("Custom parameters")
        expect(again.or_(more).first).to_be_visible()
        if again.count():  # a run has ended before
            again.click()
        more.click()
        yield tab
        assert tab.complaints == []


def start(page: Page, scheme: str, balancing: str) -> None:
    """Choose, fill in the numbers and press Start."""
    for name, value in {"scheme": scheme, "balancing": balancing, "arrivals": "open"}.items():
        page.locator(f"[name={name}]").select_option(value)
    for name, value in FORM.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Start").click()


def row(page: Page, *cells: str) -> list[str]:
    """The table's line that begins with these, once there is one."""
    line = page.get_by_role("row").filter(has_text=re.compile("^" + "".join(map(re.escape, cells))))
    expect(line).to_have_count(1)
    return line.get_by_role("cell").all_inner_texts()


def end(page: Page) -> None:
    """Press Stop and wait until it did."""
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="New")).to_be_visible()


def test_lost_sessions_are_seen(tab: Tab, project: Project) -> None:
    """Sessions in memory on the round robin port: refusals by reason, who was logged out, and each replica's share."""
    start(tab.page, "memory-session", "roundrobin")
    assert row(tab.page, "GET", "profile: 401 unknown")[3] == "0"
    tab.page.get_by_role("tab", name="Auth").click()
    for container in project.containers("api"):
        assert 10 < float(row(tab.page, "requests", container[:12])[3].rstrip("%")) < 40
    assert int(row(tab.page, "401 answers", "unknown")[2]) > 0
    assert int(row(tab.page, "users logged out")[2]) > 0
    end(tab.page)


def test_stickiness_is_chosen_in_the_form(tab: Tab) -> None:
    """The same on the sticky port: all are answered, nobody is logged out, and all workers took part."""
    expect(tab.page.get_by_text(f"{SCALE['worker']}", exact=True).first).to_be_visible()
    start(tab.page, "memory-session", "sticky")
    assert row(tab.page, "GET", "profile")[3] == "0"
    tab.page.get_by_role("tab", name="Auth").click()
    assert float(row(tab.page, "bytes per request", "down")[2]) > 0
    assert row(tab.page, "users logged out")[2] == "0"
    end(tab.page)
