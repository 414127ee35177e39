#!/bin/sh
# Usage: ci/coverage.sh [OPERATIONS]      default: 1000000
# Which rules of the model never acted? Builds the coverage preset, plays about so many operations on machines that are
# drawn, and lists the branches of model/ that accept or exempt and that nothing took, a line each: see
# ci/rule_coverage.py. Profiles and the export stay in build/coverage.
# Exit: 0 listed, 1 the campaign found something as well (it is kept in build/coverage/rules/findings), 2 bad usage, 4 a
# step failed.
set -eu

cd "$(dirname "$0")/.."
operations=${1:-1000000}
case $operations in
  '' | *[!0-9]* | 0*) echo "usage: ci/coverage.sh [OPERATIONS]" >&2; exit 2 ;;
esac
ci/install.sh >&2
ci/build.sh coverage mmtwin >&2 || exit 4
out=build/coverage/rules
rm -rf "$out"
mkdir -p "$out"
# Workers leave by _exit: %c keeps the counters in the file all the time, and children share their parent's.
export LLVM_PROFILE_FILE="$PWD/$out/%c%p.profraw"

# Short programs go far, long ones meet what only a full machine has; machines are drawn.
for length in 64 200 1000; do
  programs=$((operations / 3 / length + 1))
  build/coverage/bin/mmtwin fuzz --seconds 36000 --executions "$programs" --operations "$length" --seed 1 \
    --output "$out/findings" >"$out/campaign.log" 2>&1 || {
    status=$?
    cat "$out/campaign.log" >&2
    [ "$status" -eq 1 ] || exit 4
  }
  head -n 1 "$out/campaign.log" >&2
done

llvm-profdata-19 merge -sparse -o "$out/merged.profdata" "$out"/*.profraw >&2 || exit 4
llvm-cov-19 export -instr-profile "$out/merged.profdata" build/coverage/bin/mmtwin >"$out/export.json" || exit 4
python3 -B ci/rule_coverage.py "$out/export.json"
if [ -n "$(ls -A "$out/findings")" ]; then exit 1; fi
