"""Fills docs/results-mini.md from a made-up study of the mini family's shape: results_page.py MADE_UP_REPORT SOURCES OUT

Every part of the page is written anew, from a report of the product as it is, and says no more than that has.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

maker, sources, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
script = sources / "experiments/mini/results.py"


def parts(text):
    return dict(re.findall(r"<!-- (\w+) -->\n(.*?)<!-- /\1 -->", text, re.DOTALL))


def fill(report, page):
    return subprocess.run([sys.executable, script, report, page], capture_output=True, text=True)


shutil.rmtree(out, ignore_errors=True)
out.mkdir(parents=True)
subprocess.run([maker, out], check=True, stdout=subprocess.DEVNULL)
page = out / "page.md"
before = parts((sources / "docs/results-mini.md").read_text())
page.write_text("".join(f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in before))

filled = fill(out / "report.json", page)
assert filled.returncode == 0, filled.stderr

after = parts(page.read_text())
assert len(after) == 12 and after.keys() == before.keys(), after.keys()
for name, text in after.items():
    lines = [line for line in text.splitlines() if line]
    least = 2 if name == "baselines" else 3  # the made-up study has none
    assert len(lines) >= least and all(line.startswith("| ") and line.endswith(" |") for line in lines), (name, text)
    assert len({line.count("|") for line in lines}) == 1, (name, text)
    assert not re.search(r"\bNone\b|\bnan\b|\bold\b", text), (name, text)

# A law that is refused says why, and the answer has a line a budget.
report = json.loads((out / "report.json").read_text())


def rows(table):
    return [dict(zip(report["tables"][table]["columns"], row)) for row in report["tables"][table]["rows"]]


budgets = {row["budget"] for row in rows("answer") if row["cost_axis"] == "gflops_per_image"}
assert len(after["answer"].splitlines()) - 4 == len(budgets), after["answer"]
for row in rows("fits"):
    if row["refusal"] is not None:
        assert f"no law: {row['refusal']}" in after["fits"], after["fits"]

# Without any law, and of a format that is not read.
columns = report["tables"]["fits"]["columns"]
for row in report["tables"]["fits"]["rows"]:
    row[:] = [value if name in ("task", "fit") else "too few points" if name == "refusal" else None
              for name, value in zip(columns, row)]
(out / "refused.json").write_text(json.dumps(report))
refused = fill(out / "refused.json", page)
assert refused.returncode == 0 and "no law: too few points" in page.read_text(), refused.stderr
report["format"] = 1
(out / "old.json").write_text(json.dumps(report))
old = fill(out / "old.json", page)
assert old.returncode != 0 and "format 1; expected 2" in old.stderr, old.stderr
