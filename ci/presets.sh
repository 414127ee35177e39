#!/usr/bin/env bash
# Usage: ci/presets.sh [--list] [--test[=PRESET,...]] [PRESET...]      default: every preset of CMakePresets.json
# Builds all targets of each preset and says how long that took, a line each; goes on where one fails. --test runs the
# tests of asan and ubsan, or of those named, once they are built. --list only names the presets. What the compiler or
# a test said is kept in build/PRESET.presets.log. CMAKE_BUILD_PARALLEL_LEVEL limits the jobs.
# Exit: 0 all well, 1 something failed, 2 bad usage.
set -euo pipefail

cd "$(dirname "$0")/.."
# Read, not repeated: a preset that is added is built.
mapfile -t known < <(cmake --list-presets | sed -n 's/^ *"\([^"]*\)".*/\1/p')
usage() {
  echo "$1; usage: ci/presets.sh [--list] [--test[=PRESET,...]] [PRESET...]; presets: ${known[*]}" >&2
  exit 2
}
is_known() { [[ " ${known[*]} " == *" $1 "* ]]; }

tested=() chosen=()
for word in "$@"; do
  case $word in
    --list) printf '%s\n' "${known[@]}"; exit 0 ;;
    --test) tested=(asan ubsan) ;;
    --test=*) IFS=, read -r -a tested <<<"${word#--test=}" ;;
    -*) usage "there is no option '$word'" ;;
    *) chosen+=("$word") ;;
  esac
done
[[ ${#chosen[@]} -gt 0 ]] || chosen=("${known[@]}")
for preset in "${chosen[@]}" ${tested[@]+"${tested[@]}"}; do
  is_known "$preset" || usage "there is no preset '$preset'"
done
for preset in ${tested[@]+"${tested[@]}"}; do
  [[ " ${chosen[*]} " == *" $preset "* ]] || usage "'$preset' is to be tested but not built"
done

failed=0
try() {  # preset, what is done, words of the command
  local preset=$1 what=$2 begin=$SECONDS log=build/$1.presets.log status=0
  shift 2
  "$@" >>"$log" 2>&1 || status=$?
  if [[ $status -eq 0 ]]; then
    printf '%-12s %-6s well    %5d s\n' "$preset" "$what" $((SECONDS - begin))
  else
    printf '%-12s %-6s FAILED  %5d s; status %d, see %s\n' "$preset" "$what" $((SECONDS - begin)) "$status" "$log"
    failed=1
  fi
  return "$status"
}
mkdir -p build
for preset in "${chosen[@]}"; do
  : >"build/$preset.presets.log"
  try "$preset" build ci/build.sh "$preset" || continue
  if [[ " ${tested[*]-} " == *" $preset "* ]]; then
    try "$preset" test ctest --preset "$preset" --parallel "${CTEST_PARALLEL_LEVEL:-$(nproc)}" || true
  fi
done
exit "$failed"
