#!/usr/bin/env python3
"""Puts the tables of a report into a page: what stands between "<!-- NAME -->" and "<!-- /NAME -->" is replaced.

    experiments/mini/results.py out/mini-study/report.json docs/results-mini.md

NAME is one of answer, findings, sizes, guidance, samplers, attributes, guidances, fits, protocol. Every number of the page comes from here.
"""
import json
import pathlib
import sys

from page import fill, markdown

FORMAT = 2  # of report.json

report = json.loads(pathlib.Path(sys.argv[1]).read_text())
if report.get("format") != FORMAT:
    sys.exit(f"{sys.argv[1]}: this is report.json of format {report.get('format')}; expected {FORMAT}")


def rows(table):
    columns = report["tables"][table]["columns"]
    return [dict(zip(columns, row)) for row in report["tables"][table]["rows"]]


def interval(row, prefix=""):
    if row[prefix + "value"] is None:
        return ""
    if row[prefix + "low"] is None:
        return f"{row[prefix + 'value']:.1f}"
    return f"{row[prefix + 'value']:.1f} ({row[prefix + 'low']:.1f} to {row[prefix + 'high']:.1f})"


def choice(row):
    return f"{row['model']}, {row['series']}, {row['steps']} steps, guidance {row['guidance']:g}"


def answer():  # a line a budget: its rows are the roles that settings have in it
    budgets = {}
    for row in rows("answer"):
        if row["cost_axis"] == "gflops_per_image" and row["metric"] == "fid":
            budgets.setdefault(row["budget"], {})[row["role"]] = row
    told = lambda row: f"{choice(row)}: {interval(row)}" if row else ""
    lines = []
    for budget, by_role in budgets.items():
        use, best = by_role["use"], by_role["best"]
        is_best = all(use[key] == best[key] for key in ("experiment", "number"))
        lines.append([f"{budget:g}", choice(use), interval(use), f"{use['cost']:.3g}", "" if is_best else told(best),
                      told(by_role.get("runner-up"))])
    return markdown(["GFLOPs an image", "use", "FID, 95 % interval", "costs", "the best, if another", "runner-up"], lines)


def findings():
    return markdown(["hypothesis", "verdict", "evidence"],
                    [[row["hypothesis"], f"**{row['verdict']}**", row["evidence"]] for row in rows("findings")])


def pivot(cells, line_of, column_of, text_of):
    columns = list(dict.fromkeys(column_of(row) for row in cells))
    lines = {}
    for row in cells:
        lines.setdefault(line_of(row), {})[column_of(row)] = text_of(row)
    return columns, [[line] + [by_column.get(column, "") for column in columns] for line, by_column in lines.items()]


def best_of(row):  # the optimum of a model, sampler and number of steps, on images that did not choose it where there are any
    return interval(row, "judged_") or interval(row)


def sizes():
    optimal = [row for row in rows("optimal") if row["series"] == "DDIM trailing"]
    columns, lines = pivot(optimal, lambda row: row["model"], lambda row: row["steps"], best_of)
    return markdown(["FID, DDIM trailing"] + [f"{steps} steps" for steps in columns], lines)


def samplers():
    optimal = sorted(rows("optimal"), key=lambda row: (row["model_order"], row["steps"]))
    columns, lines = pivot(optimal, lambda row: f"{row['model']}, {row['steps']} steps", lambda row: row["series"],
                           lambda row: f"{row['value']:.1f}")
    return markdown(["FID"] + columns, lines)


def guidance():
    columns, lines = pivot(rows("optimal"), lambda row: f"{row['model']}, {row['series']}", lambda row: row["steps"],
                           lambda row: f"{row['guidance']:g}" + ("*" if row["is_at_edge"] else ""))
    return markdown(["optimal guidance"] + [f"{steps} steps" for steps in columns], lines)


def percent(row, name):
    if row[name] is None:
        return ""
    return f"{100 * row[name]:.1f} ({100 * row[name + '_low']:.1f} to {100 * row[name + '_high']:.1f})"


def attributes():
    optimal = [row for row in rows("optimal") if row["series"] == "DDIM trailing"]
    columns, lines = pivot(optimal, lambda row: row["model"], lambda row: row["steps"],
                           lambda row: percent(row, "attribute_accuracy"))
    return markdown(["attributes drawn right, %, DDIM trailing"] + [f"{steps} steps" for steps in columns], lines)


def guidances():  # what guidance does to the two kinds of score, at one number of steps
    points = [row for row in rows("points") if row["series"] == "DDIM trailing" and row["attribute_accuracy"] is not None]
    steps = max(row["steps"] for row in points if row["steps"] <= 20)
    points = sorted((row for row in points if row["steps"] == steps), key=lambda row: (row["model_order"], row["guidance"]))
    columns, lines = pivot(points, lambda row: row["model"], lambda row: row["guidance"],
                           lambda row: f"{row['fid']:.0f} / {100 * row['attribute_accuracy']:.0f}")
    return markdown([f"FID / attributes %, {steps} steps"] + [f"{guidance:g}" for guidance in columns], lines)


def fits():
    lines = []
    for row in rows("fits"):
        if row["refusal"] is not None:
            lines.append([row["fit"], "", f"no law: {row['refusal']}", "", "", ""])
            continue
        law = [f"{row[k]:.3g} ({row[k + '_low']:.3g} to {row[k + '_high']:.3g})" for k in ("E", "A", "a")]
        lines.append([row["fit"], row["points"]] + law + [f"{row['r_squared']:.4f}"])
    return markdown(["y = E + A x^-a", "points", "E", "A", "a", "R²"], lines)


def protocol():
    return markdown(["score", "cells", "images"],
                    [[row["metric"], row["cells"], f"{row['images_begin']} to {row['images_end'] - 1}"]
                     for row in rows("protocols")])


if __name__ == "__main__":
    fill(sys.argv[2], (answer, findings, sizes, guidance, samplers, attributes, guidances, fits, protocol))
