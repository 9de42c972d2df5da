#!/usr/bin/env python3
"""Puts the tables of a report into a page: what stands between "<!-- NAME -->" and "<!-- /NAME -->" is replaced.

    experiments/mini/results.py out/mini-study/report.json docs/results-mini.md

NAME is one of answer, findings, claims, goals, sizes, guidance, samplers, attributes, guidances, fits, baselines, protocol. Every
number of the page comes from here. Of a study of several tasks it is the first one's; task_results.py has the others.
"""
import math
import sys

from page import fill, markdown
from report import (FAILS, HOLDS, UNKNOWN, Report, bounds, choice, counted, interval, is_below, name_of, number, percent, pivot,
                    verdict)

REPORT = Report(sys.argv[1])
rows = REPORT.rows
RANKING = REPORT.ranking
NAME = name_of(RANKING)


def answer():  # a line a budget: its rows are the roles that settings have in it
    budgets = {}
    for row in rows("answer"):
        if row["cost_axis"] == "gflops_per_image" and row["metric"] == RANKING:
            budgets.setdefault(row["budget"], {})[row["role"]] = row
    told = lambda row: f"{choice(row)}: {interval(row)}" if row else ""
    lines = []
    for budget, by_role in budgets.items():
        use, best = by_role["use"], by_role["best"]
        is_best = all(use[key] == best[key] for key in ("experiment", "number"))
        lines.append([f"{budget:g}", choice(use), interval(use), f"{use['cost']:.3g}", "" if is_best else told(best),
                      told(by_role.get("runner-up"))])
    return markdown(["GFLOPs an image", "use", f"{NAME}, 95 % interval", "costs", "the best, if another", "runner-up"], lines)


def findings():
    return markdown(["hypothesis", "verdict", "evidence"],
                    [[row["hypothesis"], f"**{row['verdict']}**", row["evidence"]] for row in rows("findings")])


def best_of(row):  # the optimum of a model, sampler and number of steps, on images that did not choose it where there are any
    return interval(row, "judged_") or interval(row)


def sizes():
    optimal = [row for row in rows("optimal") if row["series"] == "DDIM trailing"]
    columns, lines = pivot(optimal, lambda row: row["model"], lambda row: row["steps"], best_of)
    return markdown([f"{NAME}, DDIM trailing"] + [f"{steps} steps" for steps in columns], lines)


def samplers():
    optimal = sorted(rows("optimal"), key=lambda row: (row["model_order"], row["steps"]))
    columns, lines = pivot(optimal, lambda row: f"{row['model']}, {row['steps']} steps", lambda row: row["series"],
                           lambda row: number(row["value"]))
    return markdown([NAME] + columns, lines)


def guidance():
    columns, lines = pivot(rows("optimal"), lambda row: f"{row['model']}, {row['series']}", lambda row: row["steps"],
                           lambda row: f"{row['guidance']:g}" + ("*" if row["is_at_edge"] else ""))
    return markdown(["optimal guidance"] + [f"{steps} steps" for steps in columns], lines)


def attributes():
    optimal = [row for row in rows("optimal") if row["series"] == "DDIM trailing"]
    columns, lines = pivot(optimal, lambda row: row["model"], lambda row: row["steps"],
                           lambda row: percent(row, "attribute_accuracy"))
    return markdown(["attributes drawn right, %, DDIM trailing"] + [f"{steps} steps" for steps in columns], lines)


def guidances():  # what guidance does to the two kinds of score, at one number of steps
    points = [row for row in rows("points") if row["series"] == "DDIM trailing" and row["attribute_accuracy"] is not None and row["fid"] is not None]
    steps = max(row["steps"] for row in points if row["steps"] <= 20)
    points = sorted((row for row in points if row["steps"] == steps), key=lambda row: (row["model_order"], row["guidance"]))
    columns, lines = pivot(points, lambda row: row["model"], lambda row: row["guidance"],
                           lambda row: f"{row['fid']:.0f} / {100 * row['attribute_accuracy']:.0f}")
    return markdown([f"FID / attributes %, {steps} steps"] + [f"{guidance:g}" for guidance in columns], lines)


# --- the paper's claims ----------------------------------------------------------------------------
OPTIMAL = {(row["model"], row["series"], row["steps"]): row for row in rows("optimal")}
MODELS = list(dict.fromkeys(row["model"] for row in sorted(rows("optimal"), key=lambda row: row["model_order"])))


def falls_with_size(series, steps):
    at = [OPTIMAL.get((model, series, steps)) for model in MODELS]
    return [is_below(larger, smaller) for smaller, larger in zip(at, at[1:]) if smaller and larger]


def gain(smaller, larger):
    """A score's fall a doubling of the call's cost: least and most."""
    (low_1, high_1), (low_2, high_2) = bounds(smaller), bounds(larger)
    doublings = math.log2(larger["gflops_per_call"] / smaller["gflops_per_call"])
    return (low_1 - high_2) / doublings, (high_1 - low_2) / doublings


def diminishing_returns():
    first, middle, last = (OPTIMAL.get((MODELS[i], "DDIM trailing", 50)) for i in (0, len(MODELS) // 2, -1))
    if None in (first, middle, last) or None in bounds(first) + bounds(middle) + bounds(last):
        return UNKNOWN, "there are no 50 steps of three sizes"
    (least_1, most_1), (least_2, most_2) = gain(first, middle), gain(middle, last)
    said = HOLDS if least_1 > most_2 else FAILS if most_1 < least_2 else UNKNOWN
    return said, (f"a doubling of a call's cost takes {number(least_1)} to {number(most_1)} off from {first['model']} to "
                  f"{middle['model']}, {number(least_2)} to {number(most_2)} from {middle['model']} to {last['model']}")


def clip_saturates():
    at = [OPTIMAL.get((model, "DDIM trailing", 50)) for model in MODELS]
    if None in at or len(at) < 3 or at[0].get("clip_score") is None:
        return UNKNOWN, "there is no CLIP score at 50 steps"
    grows, still_grows = is_below(at[0], at[-1], "clip_score"), is_below(at[-2], at[-1], "clip_score")
    said = UNKNOWN if grows is None else HOLDS if grows and not still_grows else FAILS
    return said, ", ".join(f"{row['model']} {row['clip_score']:.3f} ({row['clip_score_low']:.3f} to {row['clip_score_high']:.3f})"
                           for row in at)


def few_steps(series, is_better):
    pairs = [(OPTIMAL.get((model, "DDIM trailing", steps)), OPTIMAL.get((model, series, steps)))
             for model in MODELS for steps in (4, 6, 8)]
    return [is_below(theirs, ddim) if is_better else is_below(ddim, theirs)
            for ddim, theirs in pairs if ddim is not None and theirs is not None]


def guidance_changes():
    """Whether what is best at 4 steps, or for the smallest size, is beyond the intervals worse elsewhere."""
    by_point = {(row["model"], row["series"], row["steps"], row["guidance"]): row for row in rows("points")}
    answers, told = [], []

    def held(of, at):
        if of is None or at is None or of["guidance"] == at["guidance"]:
            return
        other = by_point.get((at["model"], at["series"], at["steps"], of["guidance"]))
        if other is None:
            return
        answers.append(other["low"] is not None and at["high"] is not None and other["low"] > at["high"])
        if answers[-1]:
            told.append(f"{at['model']} at {at['steps']} steps wants {at['guidance']:g} and not {of['guidance']:g}")

    for series in ("DDIM leading", "DDIM trailing"):
        for model in MODELS:
            held(OPTIMAL.get((model, series, 4)), OPTIMAL.get((model, series, 20)))
            held(OPTIMAL.get((model, series, 20)), OPTIMAL.get((model, series, 4)))
        held(OPTIMAL.get((MODELS[0], series, 20)), OPTIMAL.get((MODELS[-1], series, 20)))
    said = HOLDS if any(answers) else UNKNOWN
    if not answers:
        return said, "the grid has no such cells"
    return said, "; ".join(told) or f"the best guidances of {len(answers)} pairs differ, none beyond the intervals"


def claims():
    sizes_at_50 = falls_with_size("DDIM trailing", 50)
    others = falls_with_size("DDPM trailing", 20) + falls_with_size("DPM-Solver++ trailing", 20)
    ends = [(OPTIMAL.get((model, "DDIM trailing", 20)), OPTIMAL.get((model, "DDIM trailing", 50))) for model in MODELS]
    later = [is_below(last, earlier) for earlier, last in ends if earlier and last]
    envelope = next((row for row in rows("findings") if "envelope" in row["hypothesis"]), None)
    small_wins = (UNKNOWN, "no envelope") if envelope is None else (envelope["verdict"], envelope["evidence"])
    lines = [
        (f"1. {NAME} falls with every size at 50 steps", verdict(sizes_at_50), counted(sizes_at_50, "steps of size")),
        ("1. the CLIP score saturates", *clip_saturates()),
        (f"2. a doubling of cost gains less {NAME} among large sizes", *diminishing_returns()),
        ("3. small models win at small budgets that pay for larger ones too", *small_wins),
        ("4. the order of sizes is that of DDPM and DPM-Solver++ too", verdict(others), counted(others, "steps of size at 20 steps")),
        ("4. at 4 to 8 steps DDPM is worse than DDIM", verdict(few_steps("DDPM trailing", False)),
         counted(few_steps("DDPM trailing", False), "pairs")),
        ("4. at 4 to 8 steps DPM-Solver++ is better than DDIM", verdict(few_steps("DPM-Solver++ trailing", True)),
         counted(few_steps("DPM-Solver++ trailing", True), "pairs")),
        ("7. more than 50 steps do not help", UNKNOWN,
         "no grid goes beyond 50; that 50 are better than 20: " + counted(later, "sizes")),
        ("8. the best guidance changes with size and steps", *guidance_changes()),
    ]
    return markdown(["claim of the paper, section 5", "here", "evidence, 95 % intervals"],
                    [[claim, f"**{said}**", evidence] for claim, said, evidence in lines])


# --- how well the family measures ------------------------------------------------------------------
def cells():
    return [row for row in rows("cells") if row["fid"] is not None]


def floor(images):
    """Of FID: what as many real pictures have, which is nearly all bias."""
    real = [row["fid"] for row in cells() if row["baseline"] == "real" and row["fid_n"] == images]
    return real[0] if real else None


def corrected(model, series, steps):
    """FID of a model's best guidance less that of as many real pictures; on the most images that there are."""
    found = [row for row in cells() if (row["model"], row["series"], row["steps"]) == (model, series, steps)
             and not row["baseline"] and floor(row["fid_n"]) is not None]
    if not found:
        return None
    images = max(row["fid_n"] for row in found)
    return min(row["fid"] - floor(images) for row in found if row["fid_n"] == images)


def ratio(above, below):
    return None if above is None or below is None else above / below


def goals():
    models, lines = MODELS, []
    for series, wanted in (("DDIM leading", 2), ("DDIM trailing", 1.4)):
        ratios = {model: ratio(corrected(model, series, 4), corrected(model, series, 50)) for model in models}
        lines.append([f"FID at 4 steps over 50 steps, {series}, each size", f"{wanted:g} or more",
                      ", ".join(f"{model} {value:.2f}" for model, value in ratios.items() if value is not None)])
    span = ratio(corrected(models[0], "DDIM trailing", 50), corrected(models[-1], "DDIM trailing", 50))
    lines.append([f"FID of {models[0]} over {models[-1]}, 50 steps, DDIM trailing", "1.3 to 4",
                  "" if span is None else f"{span:.2f}"])
    at_20 = {row["model"]: row for row in rows("optimal") if row["series"] == "DDIM trailing" and row["steps"] == 20}
    inside = [model for model, row in at_20.items() if not row["is_at_edge"]]
    lines.append(["best guidance inside the grid, 20 steps, DDIM trailing", "four sizes or more", ", ".join(inside)])
    whole = [row["attribute_accuracy"] for row in rows("cells")
             if row["baseline"] == "reconstruction" and row["attribute_accuracy"] is not None]
    largest = [row["attribute_accuracy"] for row in rows("cells")
               if row["model"] == models[-1] and not row["baseline"] and row["attribute_accuracy"] is not None]
    share = ratio(max(largest, default=None), whole[0] if whole else None)
    lines.append([f"attributes that {models[-1]} draws right at best, of those that the autoencoder keeps", "95 % or more",
                  "" if share is None else f"{100 * share:.1f} %"])
    return markdown(["goal for an instrument", "wanted", "measured"], lines)


def baselines():
    shown = [row for row in rows("cells") if row["baseline"]]
    return markdown(["pictures", "FID", "KID", "attributes, %", "images"],
                    [[row["baseline"]]
                     + ["" if row.get(name) is None else number(row[name]) for name in ("fid", "kid")]
                     + [percent(row, "attribute_accuracy"), row["images"]] for row in shown])


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
    fill(sys.argv[2], (answer, findings, claims, sizes, guidance, samplers, attributes, guidances, fits, baselines, goals,
                       protocol))
