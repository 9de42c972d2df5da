#!/usr/bin/env bash
# Trains the mini family from nothing, or goes on where it was cut off: tokenizer, text encoder,
# autoencoder, feature network and CLIP, then the U-Nets, smallest first, two at a time, each on one
# thread.
#
#   experiments/mini/train-all.sh                      # with build/release/bin/isocost-worker
#   ISOCOST_TRAIN="my-worker train" JOBS=4 experiments/mini/train-all.sh
#
# Logs and checkpoints: ~/.cache/isocost/training. A part whose log ends with "done" is not trained
# again; remove NAME.log and NAME/ there to do so. Finished parts land in experiments/mini.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
train=${ISOCOST_TRAIN:-$here/../../build/release/bin/isocost-worker train}
jobs=${JOBS:-2}
logs=${XDG_CACHE_HOME:-$HOME/.cache}/isocost/training
mkdir -p "$logs"
export OMP_NUM_THREADS=1

part() {
  local name=$1
  if grep -q "^$name  done" "$logs/$name.log" 2>/dev/null; then return; fi
  # Somebody else is at it: wait for that to end.
  exec 9>"$logs/$name.lock"
  flock 9
  if grep -q "^$name  done" "$logs/$name.log" 2>/dev/null; then return; fi
  nice -n "${NICE:-5}" $train "$here/recipes/$name.json" >>"$logs/$name.log" 2>&1
}
export -f part
export here train logs NICE

part tokenizer
printf '%s\n' text vae features | xargs -P "$jobs" -I{} bash -c 'part {}'
printf '%s\n' vae-2 clip | xargs -P "$jobs" -I{} bash -c 'part {}'
printf '%s\n' w16 w24 w32 w32-v w48 w68 | xargs -P "$jobs" -I{} bash -c 'part {}'
