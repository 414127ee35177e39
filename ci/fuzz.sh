#!/bin/sh
# Usage: ci/fuzz.sh [SECONDS [TARGET [LIBFUZZER-OPTION...]]]      defaults: 60 fuzz_machine
# Installs what is missing, builds, fuzzes on a copy of corpora/TARGET and says what was checked. A finding stays in
# build/fuzz/artifacts, beside those of earlier runs: TARGET.mmt (or TARGET-2.mmt, …) and the engine's input; the last
# line replays it.
# Exit: 0 agreed, 1 a divergence or violation was found, 4 the harness failed, 5 nothing was executed.
set -eu

cd "$(dirname "$0")/.."
seconds=${1:-60}
target=${2:-fuzz_machine}
if [ $# -gt 2 ]; then
  shift 2
else
  set --
fi

ci/install.sh
ci/build.sh fuzz "$target" fuzz_canary

# A system that lies must be caught by the same engine, or silence below means nothing.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/canary" "$work/corpus"
status=0
(cd "$work/canary" && MMTWIN_MINIMISE_SECONDS=1 "$OLDPWD/build/fuzz/bin/fuzz_canary" -max_total_time=60 >log 2>&1) ||
  status=$?
if [ "$status" -ne 77 ]; then
  cat "$work/canary/log" >&2
  echo "the canary was not caught (status $status)" >&2
  exit 4
fi

if [ -d "corpora/$target" ]; then
  cp -R "corpora/$target/." "$work/corpus"
fi
log="build/fuzz/$target.log"
artifacts="build/fuzz/artifacts"
mkdir -p "$artifacts"

# The line that replays a finding, with the program where there is one.
say_replay() {  # words for mmtwin
  for preset in dev release gcc-release clang-dev gcc-debug clang-debug asan ubsan; do
    if [ -x "build/$preset/bin/mmtwin" ]; then
      echo "build/$preset/bin/mmtwin replay $*" >&2
      return
    fi
  done
  echo "ci/build.sh dev mmtwin && build/dev/bin/mmtwin replay $*" >&2
}

# Weighing rare features (entropic) costs a third of the rate.
echo "fuzzing $target for $seconds s; log: $log"
status=0
MMTWIN_FINDING="$artifacts/$target.mmt" PATH="/usr/lib/llvm-19/bin:$PATH" \
  UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}" "build/fuzz/bin/$target" -max_total_time="$seconds" -timeout=20 \
  -entropic=0 -print_final_stats=1 -artifact_prefix="$artifacts/$target-" "$@" "$work/corpus" >"$log" 2>&1 || status=$?
grep -Ev '^#[0-9]+[[:space:]]+(NEW|REDUCE|RELOAD|pulse)' "$log" | tail -n 80

executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
case $status in
  0) ;;
  77)
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    trace=$(sed -n 's/^mmtwin replay //p' "$log" | tail -n 1)
    echo "found; log: $log; for the engine: build/fuzz/bin/$target $input" >&2
    if [ -f "$trace" ]; then
      say_replay "$trace"
    elif [ "$target" != fuzz_trace_text ]; then
      say_replay --bytes "$input"  # it ended before a trace could be written
    fi
    exit 1
    ;;
  *)
    echo "the harness failed with status $status; see $log" >&2
    exit 4
    ;;
esac
if [ "${executed:-0}" -eq 0 ]; then
  echo "nothing was executed" >&2
  exit 5
fi
reached=$(sed -n 's/.*\(cov: [0-9]* ft: [0-9]* corp: [0-9]*\).*/\1/p' "$log" | tail -n 1)
echo "checked: $executed programs of $target in $seconds s, no divergence ($reached)"
