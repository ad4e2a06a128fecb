"""The section of a page that tells where a request's microseconds go; none where no arm had a twin."""

from dataclasses import dataclass

from bench.analysis.model import Summary
from reports import ledger_tables, ledger_words
from reports.ledger_chart import waterfall
from reports.tables import TableView


@dataclass(frozen=True, slots=True)
class LedgerSection:
    """Its lines, picture and tables; `meanings` says what each kind of work is."""

    sentences: tuple[str, ...]
    chart: str
    closing: TableView
    added: TableView
    whole: TableView
    entries: TableView
    meanings: tuple[tuple[str, str], ...]


def section(summary: Summary) -> LedgerSection | None:
    """The section of this run."""
    sentences = ledger_words.sentences(summary)
    if not sentences:
        return None
    return LedgerSection(
        sentences=sentences,
        chart=waterfall(summary),
        closing=ledger_tables.closing(summary),
        added=ledger_tables.added(summary),
        whole=ledger_tables.whole(summary),
        entries=ledger_tables.entries(summary),
        meanings=ledger_tables.meanings(summary),
    )
