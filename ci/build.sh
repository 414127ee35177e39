#!/bin/sh
# Usage: ci/build.sh PRESET [TARGET...]
# Configures and builds into build/PRESET; programs land in build/PRESET/bin. CMAKE_BUILD_PARALLEL_LEVEL limits the
# jobs. Two builds of one preset wait for each other.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: ci/build.sh PRESET [TARGET...]; presets:" >&2
  cmake -S "$(dirname "$0")/.." --list-presets >&2
  exit 2
fi
cd "$(dirname "$0")/.."
preset=$1
shift

mkdir -p build
exec 9>"build/.$preset.lock"
flock 9
cmake --preset "$preset" >"build/.$preset.log" 2>&1 || { cat "build/.$preset.log" >&2; exit 4; }
if [ $# -gt 0 ]; then
  cmake --build --preset "$preset" --target "$@"
else
  cmake --build --preset "$preset"
fi
