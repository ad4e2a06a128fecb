"""What `locust -f loadtests/locustfile.py` opens: people on a journey, under the scheme chosen in the form."""

from locust import events

from loadtests.locust_.ui_options import add_options
from loadtests.locust_.ui_people import Person, check, enroll

__all__ = ["Person"]

events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(check)
events.test_start.add_listener(enroll)
