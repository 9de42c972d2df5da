# Sourced by the scripts: where things are, and how they speak.
set -euo pipefail

ISOCOST_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ISOCOST_CACHE=${ISOCOST_CACHE:-$HOME/.cache/isocost}
ISOCOST_TORCH_VERSION=2.15.0
ISOCOST_JOBS=${ISOCOST_JOBS:-$(nproc)}

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
die() { printf '%s\n' "$*" >&2; exit 1; }
