#!/bin/sh
# Gives up root to be whoever owns this file, so whoever cloned the repository, and runs authbench. Root's own clone is
# measured by the image's user.
set -eu
user=$(stat -c %u "$0")
group=$(stat -c %g "$0")
[ "$user" != 0 ] || user=10001 group=10001
chown "$user:$group" runs
exec setpriv --reuid "$user" --regid "$group" --clear-groups python -m authbench "$@"
