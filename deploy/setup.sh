#!/bin/sh
# Installs the locked dependencies and this clone into the environment $1: by uv where it is found, by pip where not.
set -eu
venv=$1
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "setup: found $("$python" --version 2>&1), expected Python >= 3.11; try: make setup PYTHON=python3.12" >&2
  exit 3
}
if command -v uv >/dev/null 2>&1; then
  [ -x "$venv/bin/python" ] || uv venv --quiet --python "$python" "$venv"
  install="uv pip install --quiet --python $venv/bin/python"
else
  "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv "$venv" # one that uv made has no pip
  install="$venv/bin/python -m pip install --quiet --disable-pip-version-check"
fi
echo "setup: installing into $venv" >&2
$install --require-hashes -r requirements.lock
$install --no-deps --no-build-isolation -e .
