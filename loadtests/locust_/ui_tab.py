"""The Auth tab of Locust's web UI, its CSV file and its JSON: what happened to logins, added up over all workers."""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from io import StringIO
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, request
from locust.env import Environment

from loadtests.exchange import Response as Answer
from loadtests.locust_.ui_tally import Row, Tally
from loadtests.record import Sample

KEY = "auth"
"""Under which Locust's page, and a worker's report, know all this."""
STATISTICS = "locust.request_stats"
TITLES = {"figure": "Figure", "counted_by": "Of", "value": "Value", "share": "Share of requests"}


def add_tab(environment: Environment, **_: object) -> None:
    """Count what the requests of this process came to, and show it where there is a web UI."""
    tab = Tab(environment)
    events = environment.events
    events.request.add_listener(tab.count)
    events.report_to_master.add_listener(tab.report)
    events.worker_report.add_listener(tab.receive)
    events.test_start.add_listener(tab.clear)
    events.reset_stats.add_listener(tab.clear)
    events.spawning_complete.add_listener(tab.spawned)
    if environment.web_ui:
        tab.show()


class Tab:
    """The counts of one process: on the master those of its workers, elsewhere its own."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._tally = Tally()

    def count(self, sample: Sample | None = None, response: Answer | None = None, **_: object) -> None:
        """A request was made; one that is not a visitor's has no sample."""
        if sample is not None and response is not None:
            self._tally.add(sample, response)

    def report(self, data: dict[str, Any], **_: object) -> None:
        """On a worker: add to its report what was counted since the last."""
        data[KEY] = self._tally.take()

    def receive(self, client_id: str, data: Mapping[str, Any]) -> None:
        """On the master: add what a worker has counted."""
        if KEY in data:
            self._tally.merge(client_id, data[KEY])

    def clear(self, **_: object) -> None:
        """Begin anew: a run starts, or somebody resets the statistics."""
        self._tally.clear()

    def spawned(self, **_: object) -> None:
        """Begin anew where Locust does so too (`--reset-stats`)."""
        if self._environment.reset_stats:
            self._tally.clear()

    def show(self) -> None:
        """Add tab, routes and the download to the web UI."""
        web_ui = self._environment.web_ui
        structure = [{"key": field.name, "title": TITLES[field.name]} for field in fields(Row)]
        web_ui.template_args |= {
            "extended_tabs": [{"title": "Auth", "key": KEY}],
            "extended_tables": [{"key": KEY, "structure": structure}],
            "extended_csv_files": [{"href": "./auth/csv", "title": "Download Auth CSV"}],
        }
        routes = Blueprint(KEY, __name__, url_prefix=self._environment.parsed_options.web_base_path)
        routes.add_url_rule("/auth", "json", web_ui.auth_required_if_enabled(self.as_json))
        routes.add_url_rule("/auth/csv", "csv", web_ui.auth_required_if_enabled(self.as_csv))
        web_ui.app.register_blueprint(routes)
        web_ui.app.after_request(self.extend)

    def extend(self, response: Response) -> Response:
        """Put the rows of the tab into the statistics that Locust's page asks for every two seconds."""
        if request.endpoint == STATISTICS and response.is_json:
            rows = [asdict(row) for row in self._tally.rows()]
            response.set_data(json.dumps({**response.get_json(), "extended_stats": [{"key": KEY, "data": rows}]}))
        return response

    def as_json(self) -> Response:
        """Every figure, for programs."""
        return jsonify(self._tally.figures())

    def as_csv(self) -> Response:
        """The rows of the tab, as a download."""
        text = StringIO()
        writer = csv.DictWriter(text, list(TITLES))
        writer.writeheader()
        writer.writerows(asdict(row) for row in self._tally.rows())
        response = make_response(text.getvalue())
        response.headers["Content-Type"] = "text/csv"
        response.headers["Content-Disposition"] = "attachment; filename=auth.csv"
        return response
