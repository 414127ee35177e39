#!/usr/bin/env bash
# Usage: ci/nightly.sh [STEP...]      default: all of them, in this order:
#   presets  every preset built whole, the tests of asan and ubsan
#   same     the same seeds give the same on g++ and clang, debug and release
#   stress   real threads for ten minutes each, with and without the thread sanitizer
#   explore  every schedule of the pairs of operations on a shared page
#   prove    every theorem
#   machine  libFuzzer on the whole slice for half an hour
#   pages    libFuzzer on the page allocator for ten minutes
#   text     libFuzzer on the parser of traces for ten minutes
#   freedoms what the judge accepts although it was altered, of 20,000 programs
#   bugs     every bug on purpose: who finds it, how fast, how short
# What takes too long for ci/test.sh. A line a step with its exit code and seconds; all run, even if one fails. What
# each said is in build/nightly/STEP.log. MMTWIN_NIGHTLY_SHARE=N divides the times of fuzzing and stress by N.
# Exit: 0 all well, 1 a step failed, 2 bad usage.
set -euo pipefail

cd "$(dirname "$0")/.."
share=${MMTWIN_NIGHTLY_SHARE:-1}
steps=(presets same stress explore prove machine pages text freedoms bugs)
for word in "$@" ${MMTWIN_NIGHTLY_SHARE:+"share=$share"}; do
  if [[ " ${steps[*]} " != *" $word "* && ! $word =~ ^share=[1-9][0-9]*$ ]]; then
    echo "there is no step '$word'; usage: ci/nightly.sh [STEP...]; steps: ${steps[*]}" >&2
    exit 2
  fi
done
[[ $# -eq 0 ]] || steps=("$@")

dev_mmtwin() { ci/build.sh dev mmtwin && build/dev/bin/mmtwin "$@"; }
run() {
  case $1 in
    presets) ci/presets.sh --test ;;
    same) ci/same.sh ;;
    stress) ci/build.sh dev && MMTWIN_STRESS_SECONDS=$((600 / share)) ctest --preset dev -L stress ;;
    explore) dev_mmtwin explore ;;
    prove) dev_mmtwin prove ;;
    machine) ci/fuzz.sh $((1800 / share)) fuzz_machine ;;
    pages) ci/fuzz.sh $((600 / share)) fuzz_pages ;;
    text) ci/fuzz.sh $((600 / share)) fuzz_trace_text ;;
    freedoms)
      ci/build.sh dev mmtwin
      MMTWIN_FREEDOMS="--programs 20000 --pauses 40" python3 -B tests/cli/test_freedoms.py
      ;;
    bugs) dev_mmtwin bugs matrix ;;
  esac
}

ci/install.sh
mkdir -p build/nightly
failed=0
for step in "${steps[@]}"; do
  begin=$SECONDS log=build/nightly/$step.log status=0
  # In a shell of its own, so that a step ends at its first failure and the night goes on.
  bash -c "$(declare -f run dev_mmtwin); set -euo pipefail; share=$share; run $step" >"$log" 2>&1 || status=$?
  printf '%-8s exit %3d %6d s  %s\n' "$step" "$status" $((SECONDS - begin)) "$log"
  [[ $status -eq 0 ]] || failed=1
done
exit "$failed"
