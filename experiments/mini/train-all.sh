#!/usr/bin/env bash
# Trains the mini family from nothing, or goes on where it was cut off: tokenizer, text encoder,
# autoencoder, feature network and CLIP, then the U-Nets of text-to-image, and from them those for
# super-resolution and editing. Two at a time, the smallest first, each on one thread.
#
#   experiments/mini/train-all.sh                      # with build/release/bin/isocost-worker
#   experiments/mini/train-all.sh w16-sr w24-sr        # these parts alone, in this order
#   ISOCOST_TRAIN="my-worker train" JOBS=4 NICE=10 experiments/mini/train-all.sh
#   FAMILY=/data/family STATE=/data/training experiments/mini/train-all.sh
#   RECIPES=my/recipes experiments/mini/train-all.sh a b     # my/recipes/a.json and b.json
#
# Logs, checkpoints and encoded pictures: STATE, ~/.cache/isocost/training without it. Finished parts
# land in FAMILY, experiments/mini without it. A part whose log ends with "done" is not trained
# again; remove NAME.log and NAME/ in STATE to do so. What was built on it stays as it was, made with
# the part that is gone: remove that likewise. That is, after the tokenizer all but autoencoder and
# features; after the text encoder CLIP and every U-Net; after the autoencoder every U-Net; after a
# U-Net those finetuned from it. "vae-2" goes on from "vae" and takes its place: remove both together.
# Whatever kills it costs at most two minutes of a part.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
train=${ISOCOST_TRAIN:-$here/../../build/release/bin/isocost-worker train}
jobs=${JOBS:-2}
family=${FAMILY:-$here}
recipes=${RECIPES:-$here/recipes}
state=${STATE:-${XDG_CACHE_HOME:-$HOME/.cache}/isocost/training}
mkdir -p "$state"
export OMP_NUM_THREADS=1

is_done() { grep -q "^$1  done" "$state/$1.log" 2>/dev/null; }
part() {
  local name=$1
  if is_done "$name"; then return; fi
  # Somebody else is at it: wait for that to end.
  exec 9>"$state/$name.lock"
  flock 9
  if is_done "$name"; then return; fi
  nice -n "${NICE:-5}" $train "$recipes/$name.json" --family "$family" --out "$state/$name" \
    >>"$state/$name.log" 2>&1 || { echo "$name failed: $(tail -n 1 "$state/$name.log")" >&2; return 1; }
}
export -f is_done part
export recipes train family state NICE
parts() { printf '%s\n' "$@" | xargs -P "$jobs" -I{} bash -c 'part {}'; }

if [ $# -gt 0 ]; then
  parts "$@"
  exit
fi
parts tokenizer
parts text vae features
parts vae-2 clip
parts w16 w24 w32 w32-v w48 w68
# The first of each task encodes what the others of that task are trained on.
parts w16-sr w16-inpaint w16-instruct w24-sr w32-sr w32-inpaint w32-instruct w48-sr \
  w68-sr w68-inpaint w68-instruct
