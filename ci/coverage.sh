#!/bin/sh
# Usage: ci/coverage.sh [OPERATIONS]      default: 1000000
# Which rules of the model never acted? Builds the coverage preset, plays about so many operations on machines of many
# shapes, and lists the branches of model/ that accept or exempt and that nothing took, a line each: see
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

# Operations of a program, then the machine: the presets that boot in no time, and what is out of the ordinary.
shapes='64 tiny
64 small
64 small-x86
64 numa4
64 scale-10
1000 small
400 numa4
64 tiny node0.normal=0+16 min=0 batch=1 high=1 tlb=2 walk_cache=1 range_cap=1 reference_cap=2
64 tiny cpus=2 node0.normal=0+24 min=0 batch=2 high=2 tlb=1 walk_cache=1 range_cap=3 reference_cap=2
200 small cpus=4 cpu_node=0,1,0,1 min=0 lowmem_ratio=0 batch=1 high=1 range_cap=4 reference_cap=3
64 tiny cpus=8 min=20 batch=8 high=8 tlb=64 walk_cache=16'
count=$(printf '%s\n' "$shapes" | wc -l)
printf '%s\n' "$shapes" | while read -r length machine; do
  programs=$((operations / count / length + 1))
  build/coverage/bin/mmtwin fuzz --seconds 36000 --executions "$programs" --operations "$length" --machine "$machine" \
    --output "$out/findings" >"$out/campaign.log" 2>&1 || {
    status=$?
    cat "$out/campaign.log" >&2
    echo "on the machine '$machine'" >&2
    [ "$status" -eq 1 ] || exit 4
  }
  head -n 1 "$out/campaign.log" >&2
done

llvm-profdata-19 merge -sparse -o "$out/merged.profdata" "$out"/*.profraw >&2 || exit 4
llvm-cov-19 export -instr-profile "$out/merged.profdata" build/coverage/bin/mmtwin >"$out/export.json" || exit 4
python3 -B ci/rule_coverage.py "$out/export.json"
if [ -d "$out/findings" ]; then exit 1; fi
