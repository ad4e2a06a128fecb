#!/bin/sh
# Writes what must be secret, each into a volume of its own, unless it is there: who mounts a volume may read it.
set -eu
state=/run/authbench

if [ ! -e "$state/keys/ring.json" ]; then
  python -m services.keys write "$state/keys/ring.json"
fi
for volume in postgres redis users cookie; do
  if [ ! -s "$state/$volume/secret" ]; then
    python -c 'import secrets; print(secrets.token_urlsafe(32), end="")' >"$state/$volume/secret.part"
    mv "$state/$volume/secret.part" "$state/$volume/secret"
  fi
done
