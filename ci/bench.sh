#!/bin/sh
# Usage: ci/bench.sh [--json] [ARGUMENT...]
# Builds the release preset and runs the benchmarks that exist; arguments go to each of them. Without arguments the
# rates of the fuzz targets follow, plain and under sanitizers, and the lines of each subsystem.
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
if [ $# -eq 0 ]; then
  ci/build.sh release mmtwin >&2
  for preset in fuzz-plain fuzz; do
    ci/build.sh "$preset" fuzz_pages fuzz_machine >&2
    bench/fuzzing.sh "$preset"
  done
  for folder in vocab model impl lockstep fuzz props tools; do
    for part in "$folder" "$folder"/*/; do
      part=${part%/}
      [ -d "$part" ] || continue
      lines=$(find "$part" -name '*.cc' -o -name '*.h' | xargs cat | wc -l)
      printf '%-28s %10d lines\n' "$part" "$lines"
    done
  done
fi
