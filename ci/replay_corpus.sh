#!/bin/sh
# Usage: ci/replay_corpus.sh PROGRAM FOLDER
# Runs a fuzz target (libFuzzer or replay build) once over every file below FOLDER. Exits 5 if there is none.
set -eu
if [ -z "$(find "$2" -type f -print -quit)" ]; then
  echo "no input below $2" >&2
  exit 5
fi
find "$2" -type f -exec "$1" {} +
