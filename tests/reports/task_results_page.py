"""Fills a page from a made-up study of two tasks: task_results_page.py MADE_UP_REPORT SOURCES OUT

Every part is written anew, from a report of the product as it is, and compares no task with another.
"""
import pathlib
import re
import shutil
import subprocess
import sys

maker, sources, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
NAMES = ["tasks_answer", "tasks_sizes", "tasks_scores", "tasks_baselines", "tasks_claims", "tasks_crossover"]

shutil.rmtree(out, ignore_errors=True)
out.mkdir(parents=True)
subprocess.run([maker, out, "tasks"], check=True, stdout=subprocess.DEVNULL)
page = out / "page.md"
page.write_text("".join(f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in NAMES))
subprocess.run([sys.executable, sources / "experiments/mini/task_results.py", out / "report.json", page], check=True)

tables = {name: [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line]
          for name, text in re.findall(r"<!-- (\w+) -->\n(.*?)<!-- /\1 -->", page.read_text(), re.DOTALL)}
assert list(tables) == NAMES, tables.keys()
for name, table in tables.items():
    assert len({len(row) for row in table}) == 1, (name, table)
    assert not re.search(r"\bNone\b|\bnan\b|\bold\b", str(table)), (name, table)
    if name != "tasks_baselines":  # the made-up study has none
        assert len(table) > 2, (name, table)

# Enlarging is ranked by what its grid names first, of which more is better.
assert {row[0] for row in tables["tasks_answer"][2:]} == {"draw", "enlarge"}
assert ["enlarge", "clip score, higher is better"] in [row[:2] for row in tables["tasks_scores"]], tables["tasks_scores"]
claims = {row[0]: row[1:] for row in tables["tasks_claims"][2:]}
assert claims["5. enlarge: FID follows size"][0] == "**holds**", claims
# Small sizes win where costs are equal and steps are few; sizes of equal cost are neighbours.
assert any("below about 20 steps" in claim for claim in claims), claims
for task, cost, small, large, better in tables["tasks_crossover"][2:]:
    assert task == "enlarge" and better in (small.split(",")[0], large.split(",")[0], "not told apart"), (small, large, better)
assert tables["tasks_crossover"][2][4] == "w8", tables["tasks_crossover"][2]
