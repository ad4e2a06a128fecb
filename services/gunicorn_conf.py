"""How gunicorn serves a replica: one worker process, threads inside it, and no process left behind by anyone."""

import ctypes
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from services.catalogue import chosen
from services.keys import open_ring
from services.settings import Bind, Settings, SettingsError, from_environment, host_and_port
from services.spans import Account, keep_account, kept

if TYPE_CHECKING:
    from services.metrics import Metrics

_PR_SET_PDEATHSIG = 1
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn makes a private, unlinked file there

APPS: Mapping[str, str] = {
    "api": "services.app:create_app()",
    "bff": "services.bff:create_app()",
    "hop": "services.hop:create_app()",
}
front = os.environ.get("AUTHBENCH_FRONT", "api")
wsgi_app = APPS.get(front, APPS["api"])
bind = os.environ.get("AUTHBENCH_BIND", "127.0.0.1:8000")
worker_class = os.environ.get("AUTHBENCH_WORKER_CLASS", "gthread")
threads = int(os.environ.get("AUTHBENCH_THREADS", "8"))
# A second worker would split the in-memory sessions inside one replica.
workers = 1
# Loaded after the fork: gevent patches before the application is imported, and no thread or connection is inherited.
preload_app = False
worker_connections = 4000
keepalive = 120
# gunicorn otherwise waits 2 s for idle connections to say something.
graceful_timeout = 1
# The heartbeat of a worker must not wait for a disk.
worker_tmp_dir = str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None
# Nobody in front is trusted to rewrite the scheme, the path or the peer.
forwarded_allow_ips = ""
control_socket_disable = True
accesslog = None


_metrics_listeners: list[socket.socket] = []
"""None or one, bound by the master: a port that is taken is found out at the start, and workers inherit it in turn."""


class Forked(Protocol):
    """What is needed of a gunicorn worker: the process that forked it."""

    ppid: int


class Threaded(Protocol):
    """What is needed of a worker later on: the application, and where account is kept, who calls it.

    One thread waits for requests; the others serve one each and tell it so.
    """

    wsgi: Callable[..., object]
    handle: Callable[..., object]
    wait_for_and_dispatch_events: Callable[..., object]
    method_queue: "Deferring"


class Deferring(Protocol):
    """Where the serving threads leave word."""

    defer: Callable[..., object]


def on_starting(_server: object) -> None:
    """Refuse bad settings, an unknown scheme, an unusable key ring or a taken port before a worker is started.

    No database client may be imported here: it would find gevent's patches missing, which come after the fork.
    """
    if front not in APPS:
        sys.exit(f"services: AUTHBENCH_FRONT is {front!r}, expected one of: {', '.join(APPS)}; correct it or unset it")
    try:
        settings = from_environment()
        chosen(settings.schemes)
        open_ring(settings)
        _check_spans(settings)
        if settings.metrics_bind:
            _metrics_listeners.append(_listen(settings.metrics_bind))
    except SettingsError as error:
        sys.exit(f"services: {error}")


def post_fork(_server: object, worker: Forked) -> None:
    """Let the worker die with its master, however that ends, and hold as many connections as it accepts."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != worker.ppid:
            os._exit(1)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    keep_account(from_environment().spans_file)


def post_worker_init(worker: Threaded) -> None:
    """Publish what the application counts, and keep account of those who call it, where that is wanted."""
    metrics: Metrics | None = getattr(worker.wsgi, "metrics", None)
    if metrics:
        from services.metrics import Exposition  # noqa: PLC0415 - gevent has to patch what it imports first

        for listener in _metrics_listeners:
            Exposition(metrics.registry, listener)
    if account := kept():
        _watch(worker, account)


def _watch(worker: Threaded, account: Account) -> None:
    worker.wsgi = account.around("framework", worker.wsgi)
    worker.handle = account.serving(worker.handle)
    worker.wait_for_and_dispatch_events = account.outermost("dispatch", worker.wait_for_and_dispatch_events)
    worker.method_queue.defer = account.around("dispatch", worker.method_queue.defer)


def _check_spans(settings: Settings) -> None:
    """Greenlets take turns on one thread, whose clock so tells nothing of any of them."""
    if settings.spans_file and worker_class != "gthread":
        message = (
            f"AUTHBENCH_SPANS_FILE is set and AUTHBENCH_WORKER_CLASS is {worker_class!r}, expected gthread; unset one"
        )
        raise SettingsError(message)


def _listen(bind: Bind) -> socket.socket:
    host, port = host_and_port(bind)
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        message = f"AUTHBENCH_METRICS_BIND is {bind!r}, which cannot be listened on ({error.strerror}); choose another"
        raise SettingsError(message) from error
