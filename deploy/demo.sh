#!/bin/sh
# The whole loop on this machine: the rig (a simulated park behind Modbus TCP and MQTT), the daemon against it, and a live
# screen. Ends with Ctrl-C, or by itself after DEMO_SECONDS. DEMO_SPEED runs park time faster; DEMO_SEED picks another park.
# While it runs, target/demo has its logs, and takes orders to the rig: echo fault stop pcs >target/demo/orders
set -eu
cd "$(dirname "$0")/.."
bin=${CARGO_TARGET_DIR:-target}/debug
site=${DEMO_SITE:-config/sites/suzhou-six-in-one.toml}
listen=${DEMO_LISTEN:-127.0.0.1:50051}
speed=${DEMO_SPEED:-1}
dir=$(mktemp -d)
link=${CARGO_TARGET_DIR:-target}/demo
rig='' daemon='' ended='' ran=''

stop() {
    [ -z "$ended" ] || return 0
    ended=1
    trap '' INT TERM
    for pid in $daemon $rig; do
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" || echo "process $pid ended with $?" >&2
    done
    if [ -n "$ran" ] && [ -f "$dir/report.json" ]; then
        echo
        echo "The rig's judge (not the daemon's own numbers):"
        cat "$dir/report.json"
        echo
        [ -z "${DEMO_REPORT:-}" ] || cp "$dir/report.json" "$DEMO_REPORT"
    elif [ ! -f "$dir/report.json" ]; then
        tail -n 20 "$dir/rig.log" >&2
    fi
    # Another demo may have come since.
    [ "$(readlink "$link")" != "$dir" ] || rm -f "$link"
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 0' INT TERM

# Held open from here: the rig takes the end of its orders for the end.
mkfifo "$dir/orders"
exec 3<>"$dir/orders"
ln -sfn "$dir" "$link"

"$bin/hexad-hil" run --control --site "$site" --seed "${DEMO_SEED:-1}" --speed "$speed" \
    --rig-file "$dir/rig.toml" --report "$dir/report.json" --judge "$listen" <&3 >"$dir/rig.log" 2>&1 &
rig=$!
tries=0
until [ -f "$dir/rig.toml" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$rig" 2>/dev/null; then
        echo "the rig did not start:" >&2
        exit 1
    fi
    sleep 0.2
done

HEXAD__PLAINTEXT_LOOPBACK=true "$bin/hexad" run --site "$site" --listen "$listen" \
    --state-dir "$dir/state" --rig "$dir/rig.toml" >"$dir/daemon.log" 2>&1 &
daemon=$!
tries=0
while
    sleep 0.2
    # First whether it lives: another daemon may be what answers at this address.
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$daemon" 2>/dev/null; then
        echo "the daemon did not start (DEMO_LISTEN=127.0.0.1:PORT takes another port):" >&2
        tail -n 20 "$dir/daemon.log" >&2
        exit 1
    fi
    ! "$bin/hexctl" --addr "$listen" status >/dev/null 2>&1
do :; done
ran=1

echo "A simulated park at speed $speed; gRPC on $listen. In another terminal try:"
for words in status plan points watch 'status --json'; do
    echo "  $bin/hexctl --addr $listen $words"
done
echo "Logs: $link/daemon.log, $link/rig.log. Faults: echo fault stop pcs >$link/orders (and: echo clear pcs)"

seconds=${DEMO_SECONDS:-}
set -- "$bin/hexctl" --addr "$listen" watch
[ -z "$seconds" ] || set -- timeout --foreground -s INT "$seconds" "$@"
if [ -t 1 ]; then
    "$@" || true
else
    # Where there is no screen to draw on, a table now and then is enough. Beside the shell, which else heard no TERM until
    # its end; it ends with the daemon.
    "$@" --every 10 &
    wait $! || true
fi
[ -z "$seconds" ] || "$bin/hexctl" --addr "$listen" status || true
# The daemon must have lived through it.
kill -0 "$daemon" 2>/dev/null || { echo "the daemon died:" >&2; tail -n 20 "$dir/daemon.log" >&2; exit 1; }
