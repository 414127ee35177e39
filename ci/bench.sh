#!/bin/sh
# Usage: ci/bench.sh [--json] [ARGUMENT...]
# Builds the release preset and runs the benchmarks that exist; arguments go to each of them.
set -eu

cd "$(dirname "$0")/.."
ci/install.sh >&2
ran=0
for name in checked fast; do
  if [ -n "$(find "bench/$name" -name '*.cc' -print -quit 2>/dev/null)" ]; then
    ci/build.sh release "bench_$name" >&2
    "build/release/bin/bench_$name" "$@"
    ran=1
  fi
done
if [ "$ran" -eq 0 ]; then
  echo "no benchmark in bench/checked or bench/fast" >&2
  exit 5
fi
