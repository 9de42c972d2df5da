#!/usr/bin/env python3
"""Draws curves/*.csv as one SVG: training loss over the share of steps done, logarithmic.

    experiments/mini/draw-curves.py docs/mini-family/curves.svg
"""
import csv
import math
import pathlib
import sys

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 400, 56, 40, 16, 110
COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#555555", "#dd8800",
           "#008080", "#884400"]


def read(file):
    with open(file, newline="") as rows:
        points = [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(rows)]
    last = points[-1][0]
    return [(step / last, loss) for step, loss in points if loss > 0]


def main():
    here = pathlib.Path(__file__).parent
    curves = {file.stem: read(file) for file in sorted((here / "curves").glob("*.csv"))}
    losses = [loss for points in curves.values() for _, loss in points]
    low, high = math.floor(math.log10(min(losses))), math.ceil(math.log10(max(losses)))
    x_of = lambda share: LEFT + share * (WIDTH - LEFT - RIGHT)
    y_of = lambda loss: TOP + (high - math.log10(loss)) / (high - low) * (HEIGHT - TOP - BOTTOM)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for power in range(low, high + 1):
        y = y_of(10 ** power)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0 ** power:g}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        out.append(f'<text x="{x_of(share):.1f}" y="{HEIGHT - 20}" text-anchor="middle">'
                   f'{share:.0%}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">'
               'steps done</text>')
    labels = sorted((y_of(points[-1][1]), name) for name, points in curves.items())
    places, floor = {}, 0.0
    for y, name in labels:
        floor = max(y, floor + 14)
        places[name] = floor
    for number, (name, points) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        line = " ".join(f"{x_of(s):.1f},{y_of(l):.1f}" for s, l in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
                   f'<text x="{WIDTH - RIGHT + 6}" y="{places[name] + 4:.1f}" fill="{colour}">{name}'
                   '</text>')
    out.append("</svg>")
    pathlib.Path(sys.argv[1]).write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
