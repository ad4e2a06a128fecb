"""How the authorization server is served: one process with threads, which ends with its master, on the loopback."""

import os

from services import gunicorn_conf as replica

wsgi_app = "opaque_token.server:create_app()"
bind = f"127.0.0.1:{os.environ['PORT']}"
# The tokens are in its memory: a second process would know other ones.
workers = 1
worker_class = "gthread"
threads = 8
keepalive = replica.keepalive
graceful_timeout = replica.graceful_timeout
worker_tmp_dir = replica.worker_tmp_dir
control_socket_disable = True
post_fork = replica.post_fork
