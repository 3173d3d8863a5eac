#!/bin/sh
# The Python environment of the test peers, in target/peers; made anew only when requirements.txt has changed.
set -eu
cd "$(dirname "$0")/../.."
wanted=tests/peers/requirements.txt
peers=${CARGO_TARGET_DIR:-target}/peers
python=$peers/bin/python

if cmp -s "$wanted" "$peers/made-of" && "$python" -c 'import pymodbus, grpc, oemof.solph' 2>/dev/null; then exit 0; fi

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "python3 is $(python3 --version 2>&1); the test peers need 3.11 or newer" >&2
    exit 1
}
echo "preparing the test peers in $peers"
mkdir -p "$peers"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The stamp goes first and comes back last: a run that is cut short leaves nothing that looks done.
rm -f "$peers/made-of"
if ! { python3 -m venv --clear "$peers" && "$python" -m pip install --disable-pip-version-check --no-input \
    --only-binary :all: --requirement "$wanted"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    exit 1
fi
cp "$wanted" "$peers/made-of"
