#!/bin/sh
# Writes what must be secret into deploy/kubernetes/secrets, or the folder named, unless it is there. git ignores it.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
secrets=${1:-$root/deploy/kubernetes/secrets}
umask 077
mkdir -p "$secrets"

random() { od -An -N 32 -tx1 /dev/urandom | tr -d ' \n'; }

if [ ! -e "$secrets/ring.json" ]; then
  PYTHONPATH=$root "${PYTHON:-$root/.venv/bin/python}" -m services.keys write "$secrets/ring.json"
fi
for name in postgres redis users cookie; do
  if [ ! -s "$secrets/$name" ]; then
    random >"$secrets/$name.part"
    mv "$secrets/$name.part" "$secrets/$name"
  fi
done
