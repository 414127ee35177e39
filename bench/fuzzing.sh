#!/bin/sh
# Usage: bench/fuzzing.sh PRESET [RUNS]
# How many programs of 64 executed operations a second libFuzzer gets through a target, feature counting and mutation
# included. Inputs grow and shrink as it likes, so the operations that the target counted are divided by 64.
# The corpus schedule is the plain one, as in ci/fuzz.sh: weighing rare features costs a third of the rate.
# PRESET: fuzz-plain, or fuzz (ASan and UBSan); both targets and build/release/bin/mmtwin are built.
set -eu

cd "$(dirname "$0")/.."
preset=$1
runs=${2:-40000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for target in fuzz_pages fuzz_machine; do
  case $target in
    fuzz_pages) measure=fuzz_pages_execs weights="pages=1,space=0,range=0,memory=0,cpu=0,world=1" ;;
    *) measure=fuzz_execs weights="pages=4,space=2,range=4,memory=5,cpu=2,world=1" ;;
  esac
  mkdir "$work/$target"
  for seed in $(seq 100); do
    build/release/bin/mmtwin gen --seed "$seed" --operations 66 --weights "$weights" -o "$work/program.mmt"
    build/release/bin/mmtwin convert "$work/program.mmt" --to bytes -o "$work/$target/$seed"
  done
  begin=$(date +%s%N)
  "build/$preset/bin/$target" -seed=1 -runs="$runs" -len_control=0 -entropic=0 "$work/$target" >"$work/log" 2>&1
  end=$(date +%s%N)
  operations=$(sed -n 's/^fuzz_[a-z]*: [0-9]* programs, \([0-9]*\) operations .*/\1/p' "$work/log" | tail -n 1)
  if [ -z "$operations" ]; then
    cat "$work/log" >&2
    echo "$target did not say how many operations it executed" >&2
    exit 4
  fi
  awk -v name="$measure" -v preset="$preset" -v ns=$((end - begin)) -v runs="$runs" -v n="$operations" 'BEGIN {
    printf "%-28s %10.2f 1/s   %s, %d operations in %d inputs\n", name, n / 64 / (ns / 1e9), preset, n, runs }'
done
