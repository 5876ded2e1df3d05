#!/bin/sh
# Makes a native program of a bundle: build.sh model.wasm [program]
# Needs a C compiler, wasm2c 1.0.32 and its runtime library (Debian: apt-get install gcc wabt).
set -eu
here=$(dirname "$0")
bundle=$1
program=${2:-keyword}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

wasm2c "$bundle" -n model -o "$work/model.c"
# A fused multiply-add rounds once where WebAssembly rounds twice: results would depend on the CPU.
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -ffp-contract=off -I "$work" \
  "$here/main.c" "$work/model.c" -lwasm-rt-impl -lm -o "$program"
