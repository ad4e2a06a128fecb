"""Runs of the web UI: what the form asks for is checked before anybody starts, then people are sent on their way."""

import argparse
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from random import Random
from urllib.parse import urlsplit

from flask import Response, jsonify, make_response, request
from gevent import GreenletExit
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, WorkerRunner

from loadtests.locust_.ui_arrivals import Called, OpenLoop, Pace, Thinking
from loadtests.locust_.ui_options import Choice, ChoiceError, numbers, read_choice, with_form
from loadtests.locust_.ui_people import PICKED, Person, visits
from loadtests.plan import Journey

EXIT_USAGE = 2
SWARM = "locust.swarm"
"""Where Locust's page sends its form."""

Choices = Mapping[Journey | None, Choice]
"""What each class of people is to do, by the journey it insists on."""

log = logging.getLogger(__name__)


def prepare(environment: Environment, **_: object) -> None:
    """Set up what all runs of this process share; a command line that asks for what cannot be ends it with 2.

    A worker is told everything by its master when a run starts.
    """
    if not isinstance(environment.runner, WorkerRunner):
        _narrow(environment)
        _check(environment)
    run = Run(environment)
    environment.events.test_start.add_listener(run.enroll)
    environment.events.spawning_complete.add_listener(run.open)
    environment.events.test_stopping.add_listener(run.close)
    if environment.web_ui:
        environment.web_ui.app.before_request(turn_away)
        environment.web_ui.app.before_request(run.refuse)
        # the form's options stay in our order
        environment.web_ui.app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}


def turn_away() -> Response | None:
    """403 to what another site has a browser post here: it could have the password sent to a host of its own."""
    origin = request.headers.get("Origin")
    if request.method == "GET" or not origin or urlsplit(origin).netloc == request.host:
        return None
    return make_response(
        f"found a form of {origin}, expected one of {request.host}; use the page of Locust itself", 403
    )


def _narrow(environment: Environment) -> None:
    """Classes that nobody asked for stay at home, where Locust would start all that it finds."""
    options = environment.parsed_options
    if not (options.class_picker or options.user_classes):
        environment.user_classes = [one for one in environment.user_classes if one not in PICKED]


def _check(environment: Environment) -> None:
    options = environment.parsed_options
    try:
        _choices(options, environment.host, [Person] if options.class_picker else environment.user_classes)
    except ChoiceError as error:
        sys.stderr.write(f"locust: {error}\n")
        sys.exit(EXIT_USAGE)


def _choices(options: argparse.Namespace, host: str | None, classes: Iterable[type]) -> Choices:
    """ChoiceError when one of the classes cannot do what is asked."""
    return {journey: read_choice(options, host, journey) for journey in _journeys(classes)}


def _possible_choices(options: argparse.Namespace, host: str | None, classes: Iterable[type]) -> Choices:
    """Of a worker, which has all classes and is not told which were picked. ChoiceError when none can do anything."""
    choices: dict[Journey | None, Choice] = {}
    refused = None
    for journey in _journeys(classes):
        try:
            choices[journey] = read_choice(options, host, journey)
        except ChoiceError as error:
            refused = error
    if refused and not choices:
        raise refused
    return choices


def _journeys(classes: Iterable[type]) -> set[Journey | None]:
    return {one.journey for one in classes if issubclass(one, Person)}


class Run:
    """One process's part in the runs of its environment, one after the other."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._open_loop = OpenLoop()
        self._choices: Choices = {}

    def enroll(self, **_: object) -> None:
        """Prepare the visits of a new run from what the form says now; when that cannot be, log why, start nothing."""
        try:
            self._choices = self._chosen()
        except ChoiceError as error:
            log.error("%s", error)  # noqa: TRY400 - the line says it all
            self._give_up()
            raise GreenletExit from error
        self._open_loop = OpenLoop()
        worker = max(0, getattr(self._environment.runner, "worker_index", 0))
        drawn = numbers(worker, self._environment.parsed_options.seeded_users)
        Person.visits = {
            journey: visits(choice, drawn, self._pace(choice)) for journey, choice in self._choices.items()
        }

    def open(self, user_count: int) -> None:
        """All of the run's `user_count` users are there: in open loop, begin to call ours, or go on at another rate."""
        choice = next(iter(self._chosen().values()), None)
        ours = 0 if isinstance(self._environment.runner, MasterRunner) else self._environment.runner.user_count
        if ours and choice and choice.arrivals == "open":
            self._open_loop.start(choice.rate_rps * ours / user_count)

    def close(self, **_: object) -> None:
        """The run ends: call nobody any more."""
        self._open_loop.stop()

    def refuse(self) -> Response | None:
        """The page's answer to a form that asks for what cannot be, in words; None lets all else pass."""
        if request.endpoint != SWARM:
            return None
        try:
            self._check_form()
        except ChoiceError as error:
            return jsonify({"success": False, "message": str(error), "host": self._environment.host})
        return None

    def _check_form(self) -> None:
        options = with_form(self._environment.parsed_options, request.form)
        asked = _choices(options, request.form.get("host") or self._environment.host, self._classes())
        under_way = self._environment.runner.state in {STATE_RUNNING, STATE_SPAWNING}
        if under_way and _but_for_rate(asked) != _but_for_rate(self._choices):
            message = "a run is under way, in which only users and rate may change; stop it to choose anything else"
            raise ChoiceError(message)

    def _classes(self) -> Iterable[type]:
        """Those the form has picked, as Locust will see it."""
        if not self._environment.web_ui.userclass_picker_is_active:
            return list(self._environment.user_classes)
        available = self._environment.available_user_classes
        return [available[name] for name in request.form.getlist("user_classes") if name in available] or list(
            available.values()
        )

    def _chosen(self) -> Choices:
        environment = self._environment
        read = _possible_choices if isinstance(environment.runner, WorkerRunner) else _choices
        return read(environment.parsed_options, environment.host, environment.user_classes)

    def _pace(self, choice: Choice) -> Callable[[], Pace]:
        if choice.arrivals == "open":
            pool = self._open_loop.pool
            return lambda: Called(pool)
        return lambda: Thinking(Random())  # noqa: S311 - load, not a secret

    def _give_up(self) -> None:
        """A worker that understands its master no more ends: it could only be taken for one that works."""
        if isinstance(self._environment.runner, WorkerRunner):
            self._environment.process_exit_code = EXIT_USAGE
            self._environment.runner.quit()


def _but_for_rate(choices: Choices) -> Choices:
    return {journey: replace(choice, rate_rps=0) for journey, choice in choices.items()}
