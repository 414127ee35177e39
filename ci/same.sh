#!/bin/sh
# Usage: ci/same.sh [PROGRAMS]      default: 200
# The same seeds give the same answers and events on g++ and clang, debug and release: builds mmtwin with each and
# compares the digests that replay prints. Exit: 0 all equal, 1 a difference, which is shown.
set -eu

cd "$(dirname "$0")/.."
programs=${1:-200}
presets="dev gcc-debug release clang-debug"
ci/install.sh >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for preset in $presets; do
  ci/build.sh "$preset" mmtwin >&2
  mmtwin=build/$preset/bin/mmtwin
  mkdir "$work/programs"
  for seed in $(seq "$programs"); do
    machine=small
    [ $((seed % 4)) -ne 0 ] || machine=small-x86
    "$mmtwin" gen --seed "$seed" --operations 300 --machine "$machine" -o "$work/programs/$seed.mmt"
  done
  (cd "$work/programs" && "$OLDPWD/$mmtwin" replay --json -- *.mmt) >"$work/$preset"
  cat "$work"/programs/*.mmt | cksum >>"$work/$preset"
  rm -r "$work/programs"
  if [ "$preset" != dev ] && ! diff "$work/dev" "$work/$preset" >&2; then
    echo "$preset differs from dev" >&2
    exit 1
  fi
done
[ "$(grep -c '"verdict":"agreed"' "$work/dev")" -eq "$programs" ]
echo "$programs programs: the same programs, answers and events on $presets"
