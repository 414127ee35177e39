#!/bin/sh
# Usage: ci/test.sh [CTEST-ARGUMENT...]
# Installs what is missing, builds, runs every test (the tree's own rules in ci/tidy are one). MMTWIN_PRESET chooses
# another build than dev. Ends with CTest's closing line and fails if any test failed or none ran.
set -eu

cd "$(dirname "$0")/.."
preset=${MMTWIN_PRESET:-dev}
ci/install.sh
ci/build.sh "$preset"
exec ctest --preset "$preset" --parallel "${CTEST_PARALLEL_LEVEL:-$(nproc)}" "$@"
