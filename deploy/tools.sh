#!/bin/sh
# Installs what is missing beside the Rust toolchain, and nothing when nothing is missing.
set -eu
PATH=$PATH:/usr/sbin:/sbin

has() { command -v "$1" >/dev/null 2>&1; }
libclang() {
    # Not libclang-cpp, which other packages bring and bindgen cannot use.
    [ -n "${LIBCLANG_PATH:-}" ] || ldconfig -p 2>/dev/null | grep -q 'libclang\(-[0-9.]*\)\?\.so' ||
        find /usr/lib/llvm-*/lib -name 'libclang.so*' -o -name 'libclang-[0-9]*.so*' 2>/dev/null | grep -q .
}

missing=''
has cmake || missing="$missing cmake"
has make || missing="$missing make"
has g++ || missing="$missing g++"
libclang || missing="$missing libclang-dev"
has mosquitto || missing="$missing mosquitto"
has mosquitto_pub || missing="$missing mosquitto-clients"

if ! has cargo; then
    echo "cargo is missing: install a Rust toolchain first" >&2
    exit 1
fi
[ -n "$missing" ] || exit 0

as_root=''
if [ "$(id -u)" -ne 0 ]; then
    # A password prompt in the middle of a build helps nobody without a terminal.
    if has sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then as_root=sudo; else as_root=none; fi
fi
if [ "$as_root" = none ] || ! has apt-get; then
    echo "missing:$missing; as root: apt-get update && apt-get install -y$missing" >&2
    exit 1
fi
echo "installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # a list of words on purpose
if ! { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    exit 1
fi
