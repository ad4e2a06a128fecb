"""What `locust -f loadtests/locustfile.py` opens: people on a journey, under the scheme chosen in the form."""

from locust import events

from loadtests.locust_ import ui_resolution
from loadtests.locust_.ui_options import add_options
from loadtests.locust_.ui_people import Browser, LoginHeavy, LogoutHeavy, Person, RefreshHeavy
from loadtests.locust_.ui_run import prepare
from loadtests.locust_.ui_tab import add_tab

__all__ = ["Browser", "LoginHeavy", "LogoutHeavy", "Person", "RefreshHeavy"]

ui_resolution.install()
events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(prepare)
events.init.add_listener(add_tab)
