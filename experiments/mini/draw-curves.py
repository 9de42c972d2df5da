#!/usr/bin/env python3
"""Draws the U-Nets' curves/*.csv as one SVG: training loss over the share of steps done, logarithmic.

    experiments/mini/draw-curves.py docs/mini-family/curves.svg

Above those that draw from a text, below those that were finetuned for a task. A size has one colour in both, a task or a
prediction one kind of line. The other parts' losses are of other kinds, and in no panel.
"""
import csv
import math
import pathlib
import re
import sys

WIDTH, PANEL, LEFT, BOTTOM, TOP, RIGHT = 720, 360, 56, 44, 30, 120
COLOURS = ["#4477aa", "#ee6677", "#228833", "#b8860b", "#aa3377", "#008080", "#555555"]
DASHES = {"": "", "v": "6 3", "sr": "", "inpaint": "6 3", "instruct": "1.5 3"}
NAME = re.compile(r"w(\d+)(?:-(\w+))?")


def read(file):
    with open(file, newline="") as rows:
        points = [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(rows)]
    last = points[-1][0]
    return [(step / last, loss) for step, loss in points if loss > 0]


def ticks(low, high):
    """1, 2 and 5 times powers of ten that lie within."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for power in powers for tick in (10.0 ** power, 2 * 10.0 ** power, 5 * 10.0 ** power)
            if low <= tick <= high]


def panel(top, title, curves, colours):
    losses = [loss for points in curves.values() for _, loss in points]
    low, high = min(losses) / 1.05, max(losses) * 1.05
    right, bottom = WIDTH - RIGHT, top + PANEL - BOTTOM
    x_of = lambda share: LEFT + share * (right - LEFT)
    y_of = lambda loss: top + TOP + math.log(high / loss) / math.log(high / low) * (bottom - top - TOP)
    out = [f'<text x="{LEFT}" y="{top + 18}" font-weight="bold">{title}</text>',
           f'<path d="M{LEFT} {top + TOP}V{bottom}H{right}" fill="none" stroke="#888"/>']
    for tick in ticks(low, high):
        y = y_of(tick)
        out.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        out.append(f'<text x="{x_of(share):.1f}" y="{bottom + 16}" text-anchor="middle">{share:.0%}</text>')
    out.append(f'<text x="{(LEFT + right) / 2}" y="{bottom + 34}" text-anchor="middle">steps done</text>'
               f'<text transform="translate(14 {(top + TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">'
               'loss (log)</text>')
    floor = 0.0
    for y, name in sorted((y_of(points[-1][1]), name) for name, points in curves.items()):
        size, kind = NAME.fullmatch(name).groups()
        line = f'stroke="{colours[int(size)]}" stroke-width="1.5" stroke-dasharray="{DASHES[kind or ""]}"'
        points = " ".join(f"{x_of(share):.1f},{y_of(loss):.1f}" for share, loss in curves[name])
        floor = max(y, floor + 14)
        out.append(f'<polyline points="{points}" fill="none" {line}/>'
                   f'<path d="M{right + 4} {floor:.1f}h20" {line}/>'
                   f'<text x="{right + 28}" y="{floor + 4:.1f}">{name}</text>')
    return out


def main():
    files = {file.stem: file for file in (pathlib.Path(__file__).parent / "curves").glob("*.csv")}
    names = sorted((name for name in files if NAME.fullmatch(name)), key=lambda name: (int(NAME.match(name)[1]), name))
    curves = {name: read(files[name]) for name in names}
    sizes = sorted({int(NAME.match(name)[1]) for name in names})
    colours = {size: COLOURS[number % len(COLOURS)] for number, size in enumerate(sizes)}
    is_from_text = lambda name: NAME.fullmatch(name)[2] in (None, "v")
    panels = [(title, {name: points for name, points in curves.items() if is_from_text(name) == wanted})
              for title, wanted in (("Text to image", True), ("Finetuned for super-resolution and editing", False))]
    panels = [(title, some) for title, some in panels if some]
    height = PANEL * len(panels)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           'font-family="sans-serif" font-size="12">', f'<rect width="{WIDTH}" height="{height}" fill="white"/>']
    for number, (title, some) in enumerate(panels):
        out += panel(number * PANEL, title, some, colours)
    out.append("</svg>")
    pathlib.Path(sys.argv[1]).write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
