#!/bin/sh
# Installs the Debian packages that building, testing and fuzzing need. Does nothing when all are there.
set -eu

packages="
  g++ clang-19 libclang-rt-19-dev lld-19 llvm-19
  cmake ninja-build pkg-config ccache mold git python3 util-linux
  libgtest-dev libgmock-dev librapidcheck-dev libz3-dev
  libcli11-dev libfmt-dev nlohmann-json3-dev libsqlite3-dev
  libxxhash-dev libzstd-dev zlib1g-dev libboost-context-dev libbenchmark-dev
  shellcheck clang-format-19
"

missing=""
for package in $packages; do
  case "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)" in
    *"ok installed") ;;
    *) missing="$missing $package" ;;
  esac
done
if [ -z "$missing" ]; then
  exit 0
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "not root and no sudo; as root: apt-get install$missing" >&2
    exit 4
  fi
  as_root="sudo"
fi
echo "installing:$missing"
# shellcheck disable=SC2086  # both are lists of words
$as_root env DEBIAN_FRONTEND=noninteractive sh -ec '
  apt-get -q -o DPkg::Lock::Timeout=600 update
  apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@"' install $missing
