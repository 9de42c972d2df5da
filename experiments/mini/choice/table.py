#!/usr/bin/env python3
"""Puts what the short runs scored into the page of the mini family, between the marks of `choice`.

    experiments/mini/choice/table.py out/choice/study/cells.csv docs/mini-family.md
"""
import csv
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from page import fill, markdown

with open(sys.argv[1], newline="") as rows:
    cells = [row for row in csv.DictReader(rows) if row["fid"]]


def score(row, name, factor=1):
    value, low, high = (factor * float(row[name + end]) for end in ("", "_low", "_high"))
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def choice():
    runs = list(dict.fromkeys(row["model"] for row in cells))
    steps = sorted({int(row["steps"]) for row in cells})
    lines = []
    for run in runs:
        best = [min((row for row in cells if (row["model"], int(row["steps"])) == (run, of)), key=lambda row: float(row["fid"]))
                for of in steps]
        lines.append([run] + [score(row, "fid") for row in best] + [score(best[-1], "attribute_accuracy", 100)])
    return markdown(["short run"] + [f"FID at {of} steps" for of in steps] + [f"attributes at {steps[-1]} steps, %"], lines)


fill(sys.argv[2], (choice,))
