#!/usr/bin/env bash
# Trains the short runs that chose loss and batch of the mini family, beside parts that it has already, runs their study and
# puts its table into docs/mini-family.md. About an hour and a half on two cores; goes on where it was cut off.
#
#   experiments/mini/choice/choose.sh [FOLDER]        # out/choice without it
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../../..
folder=${1:-$root/out/choice}
family=$folder/family
mkdir -p "$family/models"
cp -r "$here/../clip" "$here/../features" "$family"
cp -r "$here/../models/shared" "$family/models"
runs=$(cd "$here/recipes" && ls | sed 's/\.json$//')
RECIPES=$here/recipes FAMILY=$family STATE=$folder/training "$here/../train-all.sh" $runs
ISOCOST_MINI=$family "$root/build/release/bin/isocost" run "$here/choice.yaml" --out "$folder/study"
"$here/table.py" "$folder/study/cells.csv" "$root/docs/mini-family.md"
