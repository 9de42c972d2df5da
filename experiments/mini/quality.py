#!/usr/bin/env python3
"""Puts what `isocost-worker mini-report` measured into the page of the mini family.

    experiments/mini/quality.py docs/mini-family/quality.json docs/mini-family.md

Tables: parts, members, snapshots, tasks. The numbers of steps are those in curves/, which `isocost-worker train` wrote.
"""
import csv
import json
import pathlib
import sys

from page import fill, markdown

quality = json.loads(pathlib.Path(sys.argv[1]).read_text())
curves = pathlib.Path(__file__).parent / "curves"
models = quality["models"]


def width(name):
    return int(name.split("@")[0].split("-")[0][1:])


def steps_of(name):
    with open(curves / f"{name}.csv", newline="") as rows:
        return int(list(csv.DictReader(rows))[-1]["step"])


def percent(share):
    return f"{100 * share:.1f} %"


def attributes(accuracy):  # the mean over attributes
    shares = [share for name, share in accuracy.items() if name != "all"]
    return sum(shares) / len(shares)


def distance(value):
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def parts():
    vae, clip, features = quality["autoencoder"], quality["clip"], quality["features"]
    spoilt, floor = features["frechet_distance_of_spoilt"], features["frechet_distance_of_other_pictures"]
    return markdown(["part", "measured"], [
        ["feature network", f"attributes read right off real pictures {percent(attributes(features['accuracy']))}, "
         f"all ten of a picture {percent(features['accuracy']['all'])}; distance of real pictures {distance(floor)}, of "
         + ", of ".join(f"{name} ones {distance(value)}" for name, value in spoilt.items())],
        ["autoencoder", f"PSNR {vae['psnr']:.1f} dB; distance {distance(vae['frechet_distance'])}; attributes still "
         f"read right {percent(attributes(vae['accuracy']))}, of those that captions tell "
         f"{percent(vae['told_accuracy']['mean'])}"],
        ["CLIP", f"a picture's own caption first of {clip['pictures']} {percent(clip['retrieval'])}; told from one with "
         f"exchanged attributes {percent(clip['swapped'])}"],
    ])


def drawn(name):
    one = models[name]
    return [distance(one["frechet_distance"]), percent(one["told_accuracy"]["mean"])]


def texts():  # those that draw from a text alone, and are finished
    return sorted((name for name in models if "@" not in name and "task" not in models[name]),
                  key=lambda name: (width(name), name))


def members():
    # What no member can be better than, as many pictures as of each member.
    bounds = [[name, "", "", distance(one["frechet_distance"]), percent(one["told_accuracy"]["mean"]), ""]
              for name, one in (("real pictures", quality["features"]["samples"]),
                                ("the autoencoder's reconstruction", quality["autoencoder"]["samples"]))]
    return markdown(["member", "parameters", "GFLOPs a call", "distance", "attributes", "samples"],
                    bounds + [[name, f"{models[name]['parameters']:,}", f"{models[name]['gflops_per_call']:.3g}"]
                              + drawn(name) + [f"[{name}](mini-family/samples-{name}.png)"] for name in texts()])


def snapshots():
    sizes = sorted({name.split("@")[0] for name in models if "@" in name}, key=width)
    steps = sorted({int(name.split("@")[1]) for name in models if "@" in name})
    last = sorted({steps_of(size) for size in sizes})
    lines = []
    for size in sizes:
        lines.append([size] + [" / ".join(drawn(f"{size}@{step}")) for step in steps] + [" / ".join(drawn(size))])
    return markdown(["distance / attributes after"] + [f"{step:,} steps" for step in steps + last], lines)


def tasks():
    lines = []
    for name in sorted((name for name in models if "task" in models[name]),
                       key=lambda name: (models[name]["task"], width(name))):
        one, given, target = models[name], models[name]["given"], models[name]["target"]
        lines.append([name, one["task"], f"{given['psnr']:.1f} / {one['psnr']:.1f}",
                      " / ".join(distance(pictures["frechet_distance"]) for pictures in (given, one, target)),
                      " / ".join(percent(attributes(pictures["accuracy"])) for pictures in (given, one, target)),
                      f"[{name}](mini-family/samples-{name}.png)"])
    return markdown(["member", "task", "PSNR to the target, dB: given / made", "distance: given / made / target",
                     "attributes of the target: given / made / target", "samples"], lines)


if __name__ == "__main__":
    fill(sys.argv[2], (parts, members, snapshots, tasks))
