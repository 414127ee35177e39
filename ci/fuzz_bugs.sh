#!/usr/bin/env bash
# Usage: ci/fuzz_bugs.sh [--seconds N] [--work DIR] ID...      default: 120 s for each bug
# Does libFuzzer find the bugs on purpose? Puts each corpora/bugs/ID.patch into a clone of HEAD, builds fuzz_machine
# there (preset fuzz-plain), runs it from the seeds in corpora/fuzz_machine up to its first finding and minimises that.
# Prints a line for each bug; the operations are those of the program that shows it:
# id | judge or law (or crash, hang, not reproducible, not found) | law | seconds | executions | operations | minimised
# DIR keeps the clone with its build, the logs and the traces (DIR/out/ID); without it they are removed at the end.
# Exit: 0 judge or law found all, 1 they did not, 2 bad usage, 4 a patch does not apply or build, or the harness failed.
set -euo pipefail

usage() {
  echo "usage: ci/fuzz_bugs.sh [--seconds N] [--work DIR] ID...; mmtwin bugs list names them" >&2
  exit 2
}
seconds=120 work=""
while [[ ${1:-} == -* ]]; do
  case $1 in
    --seconds) seconds=${2:-} ;;
    --work) work=${2:-} ;;
    *) usage ;;
  esac
  shift 2 || usage
done
if [[ $# -eq 0 || ! $seconds =~ ^[1-9][0-9]*$ ]]; then usage; fi
root=$(cd "$(dirname "$0")/.." && pwd)
for id in "$@"; do
  git -C "$root" cat-file -e "HEAD:corpora/bugs/$id.patch" 2>/dev/null || { echo "HEAD has no bug '$id'" >&2; usage; }
done

"$root/ci/install.sh" >&2
if [ -z "$work" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work/out"
work=$(cd "$work" && pwd)
tree=$work/tree program=$work/tree/build/fuzz-plain/bin/fuzz_machine
export CCACHE_BASEDIR="$work" CCACHE_NOHASHDIR=1  # the clone's place does not matter to the compiler cache

failed=0 not_found=0
problem() {  # what, whose log
  tail -n 20 "$2" >&2
  echo "$1" >&2
  failed=1
}
take_bug_out() { git -C "$tree" checkout -qf -- . && git -C "$tree" clean -fdq; }
build() { "$tree/ci/build.sh" fuzz-plain fuzz_machine >"$work/build.log" 2>&1; }

# A fuzz target has no switch for the implementation's asserts, which would find what the judge should. Staged, so that
# taking a bug out leaves it in.
[ -d "$tree/.git" ] || git clone -q --no-checkout "$root" "$tree"
git -C "$tree" fetch -q "$root" HEAD
git -C "$tree" checkout -qf --detach FETCH_HEAD
cat >>"$tree/fuzz/fuzz_machine.cc" <<'END'
#include "impl/base/check.h"
[[maybe_unused]] static const bool asserts_are_off = (mmtwin::impl::set_checks_abort(false), true);
END
git -C "$tree" add fuzz/fuzz_machine.cc
take_bug_out

# The clean program tells a bug's findings from the tree's own.
build || { problem "the clean tree does not build" "$work/build.log"; exit 4; }
cp "$program" "$work/clean"
(cd "$work/out" && "$root/ci/replay_corpus.sh" "$work/clean" "$tree/corpora/fuzz_machine") >"$work/seeds.log" 2>&1 ||
  { problem "the clean tree fails on its own seeds" "$work/seeds.log"; exit 4; }

try_bug() {
  local id=$1 out=$work/out/$1 begin tenths=0 seed=0 executions=0 status input verdict law before after
  rm -rf "$out"
  mkdir "$out"
  cp -R "$tree/corpora/fuzz_machine" "$out/corpus"
  begin=$(date +%s%N)
  while [ $((tenths / 10)) -lt "$seconds" ]; do
    seed=$((seed + 1)) status=0 verdict="not found" law=- before=- after=-
    MMTWIN_FINDING="$out/found.mmt" MMTWIN_MINIMISE_SECONDS=0 "$program" -seed="$seed" -reload=0 -entropic=0 \
      -timeout=20 -max_total_time=$((seconds - tenths / 10)) -print_final_stats=1 -artifact_prefix="$out/" \
      "$out/corpus" >"$out/log" 2>&1 || status=$?
    tenths=$((($(date +%s%N) - begin) / 100000000))
    executions=$((executions + $(sed -n 's/^stat::number_of_executed_units: *//p' "$out/log" | grep . || echo 0)))
    case $status in
      0) break ;;
      77) verdict=crash ;;
      70) verdict=hang ;;
      *) problem "$id: fuzz_machine ended with status $status" "$out/log"; break ;;
    esac
    input=$(sed -n 's/.*Test unit written to //p' "$out/log" | tail -n 1)
    rm -f "$out/clean.mmt"
    if MMTWIN_FINDING="$out/clean.mmt" "$work/clean" -timeout=20 "$input" >"$out/clean.log" 2>&1; then
      [ -f "$out/found.mmt" ] || break
      # In a process of its own: nothing is left there of what the bug did in the campaign.
      verdict="not reproducible"
      mv "$out/found.mmt" "$out/raw.mmt"
      if ! MMTWIN_FINDING="$out/found.mmt" MMTWIN_MINIMISE_SECONDS=60 "$program" -timeout=120 "$input" \
        >"$out/minimise.log" 2>&1; then
        verdict=crash
        [ -f "$out/found.mmt" ] && verdict=$(sed -n 's/^# verdict=\([a-z]*\).*/\1/p' "$out/found.mmt")
      fi
      [ -f "$out/found.mmt" ] || cp "$out/raw.mmt" "$out/found.mmt"
      law=$(sed -n 's/^# verdict=[^ ]* \([^ ]*\).*/\1/p' "$out/found.mmt")
      before=$(sed -n 's/^\([0-9]*\) operations*, .* after minimising.*/\1/p' "$out/log")
      after=$(sed -n 's/^[0-9]* operations*, \([0-9]*\) after minimising.*/\1/p' "$out/minimise.log")
      break
    fi
    # Not this bug's: on with another seed and the corpus so far.
    echo "$id: the clean tree fails as well: $(grep '^# verdict' "$out/clean.mmt" || tail -n 1 "$out/clean.log")" >&2
    rm -f "$out/found.mmt" && verdict="not found"
  done
  case $verdict in diverged) verdict=judge ;; violated) verdict=law ;; *) not_found=1 ;; esac
  printf '%s | %s | %s | %d.%d | %d | %s | %s\n' "$id" "$verdict" "${law:--}" $((tenths / 10)) $((tenths % 10)) \
    "$executions" "$before" "${after:--}"
}

for id in "$@"; do
  patch=corpora/bugs/$id.patch
  if ! git -C "$tree" apply --whitespace=nowarn "$patch" >"$work/apply.log" 2>&1; then
    problem "$patch does not apply" "$work/apply.log"
  elif ! build; then
    problem "$patch does not build" "$work/build.log"
  else
    try_bug "$id"
  fi
  take_bug_out
done
if [ "$failed" -ne 0 ]; then exit 4; fi
exit "$not_found"
