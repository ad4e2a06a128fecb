"""The web UI of `authbench up` as people meet it: in a browser, from the form to the Auth tab."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.authbench.browser import Tab, executable, opened_tab
from tests.authbench.house import House, opened_house
from tests.fleet import unmeasured

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One stack for all tests, with a Locust worker."""
    executable()
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        Path(folder).chmod(0o711)
        with unmeasured(), opened_house(Path(folder), "--workers", "1") as house:
            yield house


@pytest.fixture
def tab(house: House) -> Iterator[Tab]:
    """A fresh browser with the form open; whatever happens, nothing may complain."""
    with opened_tab(house.ui) as tab:
        form, new = tab.page.get_by_text("Custom parameters"), tab.page.get_by_role("button", name="New")
        expect(form.or_(new)).to_be_visible()
        if new.is_visible():  # a run has ended here
            new.click()
        form.click()
        yield tab
        assert tab.complaints == []


def fill(page: Page, **fields: str) -> None:
    """Fill the form and press Start."""
    for name, value in ({"userCount": "8", "spawnRate": "8"} | fields).items():
        field = page.locator(f"[name={name}]")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.get_by_role("button", name="Start").click()


def row(page: Page, *cells: str) -> list[str]:
    """The cells of the table's line that begins with these and goes on with a number, once there is one."""
    line = page.get_by_role("row").filter(has_text=re.compile("^" + "".join(map(re.escape, cells)) + r"\d"))
    expect(line).to_have_count(1)
    return line.get_by_role("cell").all_inner_texts()


def test_a_run_from_the_form_to_the_auth_tab(tab: Tab) -> None:
    """A scheme picked in the form is loaded: its requests and refusals are counted, and the Auth tab says by whom."""
    page = tab.page
    fill(page, scheme="memory-session", arrivals="open", rate="60")
    assert row(page, "GET", "profile")[3] == row(page, "GET", "profile: 401 unknown")[3] == "0"
    page.get_by_role("tab", name="Auth").click()
    expect(page.get_by_role("row").filter(has_text="replica-2")).to_have_count(1)
    assert int(row(page, "401 answers", "unknown")[2]) > 0
    assert 0 < int(row(page, "users logged out", "valid credential refused")[2]) <= 8
    shares = [row(page, "requests", replica)[3] for replica in ("replica-1", "replica-2")]
    assert all(40 < float(share.rstrip("%")) < 60 for share in shares)
    assert all(float(row(page, "bytes per request", way)[2]) > 100 for way in ("up", "down"))
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="New")).to_be_visible()


def test_nonsense_is_answered_in_words(tab: Tab) -> None:
    """The page shows why nothing was started, and the form can be corrected."""
    fill(tab.page, scheme="redis-session", journey="refresh-heavy")
    expect(tab.page.get_by_role("alert")).to_contain_text("nothing to refresh; choose one of: refresh-token")
    fill(tab.page, scheme="refresh-token", journey="refresh-heavy")
    assert row(tab.page, "POST", "refresh")[3] == "0"
    tab.page.get_by_role("tab", name="Auth").click()
    assert int(row(tab.page, "tokens renewed", "by a refresh")[2]) > 0
    tab.page.get_by_role("button", name="Stop").click()
    expect(tab.page.get_by_role("button", name="New")).to_be_visible()
