"""Fills docs/mini-family.md from made-up numbers of mini-report's shape, and cells of the short runs: quality_page.py SOURCES OUT

Every table of the page is written anew, with a row for each member, in the order of sizes.
"""
import csv
import json
import pathlib
import re
import shutil
import subprocess
import sys

sources, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
attributes = {"arrangement": 1.0, "background": 0.5, "all": 0.0}
told = {"mean": 0.25, **attributes}
judged = {"frechet_distance": 7.0, "accuracy": attributes}
one = {"parameters": 12345, "gflops_per_call": 0.5, "frechet_distance": 99.0, "told_accuracy": told}
task = {**judged, "psnr": 20.0, "task": "concat-sr", "given": {**judged, "psnr": 18.0}, "target": judged}
quality = {
    "features": {"accuracy": attributes, "frechet_distance_of_other_pictures": 1.5,
                 "frechet_distance_of_spoilt": {"blurred": 50.0, "noisy": 60.0, "torn": 70.0},
                 "samples": {"images": 256, "frechet_distance": 12.5, "told_accuracy": {"mean": 0.998}}},
    "autoencoder": {"psnr": 30.0, "frechet_distance": 3.0, "accuracy": attributes, "told_accuracy": told,
                    "samples": {"images": 256, "frechet_distance": 14.5, "told_accuracy": {"mean": 0.876}}},
    "clip": {"pictures": 1024, "retrieval": 0.9, "swapped": 0.8},
    "models": {"w32": one, "w16": one, "w16@1500": one, "w16@750": one, "w16-sr": task, "w16-instruct": {
        **task, "task": "instruct"}},
}
# Of each number of steps the row of the lower FID counts; a baseline, which has no FID here, is none.
fields = ["model", "steps"] + [name + end for name in ("fid", "attribute_accuracy") for end in ("", "_low", "_high")]
cells = [["w16-epsilon", 4, 190, 180, 200, .4, .3, .5], ["w16-epsilon", 4, 170, 160, 180, .5, .4, .6],
         ["w16-epsilon", 20, 150, 140, 160, .6, .5, .7], ["w16-epsilon", 20, 151, 141, 161, .9, .8, 1],
         ["", 20, "", "", "", "", "", ""]]

shutil.rmtree(out, ignore_errors=True)
out.mkdir(parents=True)
(out / "quality.json").write_text(json.dumps(quality))
page = out / "page.md"
shutil.copy(sources / "docs/mini-family.md", page)
subprocess.run([sys.executable, sources / "experiments/mini/quality.py", out / "quality.json", page], check=True)
with open(out / "cells.csv", "w", newline="") as file:
    csv.writer(file).writerows([fields] + cells)
subprocess.run([sys.executable, sources / "experiments/mini/choice/table.py", out / "cells.csv", page], check=True)

tables = {name: [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line]
          for name, text in re.findall(r"<!-- (\w+) -->\n(.*?)<!-- /\1 -->", page.read_text(), re.DOTALL)}
assert set(tables) == {"parts", "members", "snapshots", "choice", "tasks"}, set(tables)
for name, rows in tables.items():
    assert len({len(row) for row in rows}) == 1, (name, rows)
    assert not re.search(r"\bNone\b|\bnan\b", str(rows)), (name, rows)
assert [row[0] for row in tables["parts"][2:]] == ["feature network", "autoencoder", "CLIP"]
members = {row[0]: row[1:] for row in tables["members"][2:]}
assert list(members) == ["real pictures", "the autoencoder's reconstruction", "w16", "w32"], members
assert members["real pictures"][2:4] == ["12.5", "99.8 %"], members
assert members["the autoencoder's reconstruction"][2:4] == ["14.5", "87.6 %"], members
assert members["w16"] == ["12,345", "0.5", "99", "25.0 %", "[w16](mini-family/samples-w16.png)"], members
assert tables["snapshots"][0][1:3] == ["750 steps", "1,500 steps"] and len(tables["snapshots"]) == 3, tables
rows = {row[0]: row[1:] for row in tables["tasks"][2:]}
assert list(rows) == ["w16-sr", "w16-instruct"], rows
assert rows["w16-sr"][1:4] == ["18.0 / 20.0", "7 / 7 / 7", "75.0 % / 75.0 % / 75.0 %"], rows
assert tables["choice"][2:] == [["w16-epsilon", "170.0 (160.0 to 180.0)", "150.0 (140.0 to 160.0)", "60.0 (50.0 to 70.0)"]], tables["choice"]
