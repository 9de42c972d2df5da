#!/usr/bin/env python3
"""Puts what a study of several tasks found into a page: what stands between "<!-- NAME -->" and "<!-- /NAME -->" is replaced.

    experiments/mini/task_results.py out/mini-tasks/report.json docs/results-mini.md

NAME is one of tasks_answer, tasks_sizes, tasks_scores, tasks_baselines, tasks_claims, tasks_crossover. Every number of these parts
comes from here. A task is compared with itself alone.
"""
import sys

from page import fill, markdown
from report import UNKNOWN, Report, choice, counted, interval, is_below, name_of, number, verdict

FILE = sys.argv[1]
TASKS = [Report(FILE, task) for task in Report(FILE).tasks]
KINDS = {row["task"]: (row["kind"], row["method"]) for row in TASKS[0].all_rows("cells")}
LOWER_IS_BETTER = {row["metric"]: row["is_lower_better"] for row in TASKS[0].all_rows("scores")}
SERIES = "DDIM trailing"
STEPS = 20  # at which sizes are compared in all that was scored; the most below, where a grid has less
PAPER_CROSSOVER = 20  # steps, of super-resolution
EQUAL_COST = 1.25  # two costs that are at most so many times each other


def written(row, name):
    return "" if row.get(name) is None else interval(row, name, writer_of(name))


def score_of(row):
    return interval(row, "", writer_of(row["metric"]))


def writer_of(metric):
    return (lambda value: f"{100 * value:.1f} %") if metric.startswith("attribute_") else precise


def precise(value):
    return number(value) if abs(value) >= 1 else f"{value:.3f}"


def optimal(report):
    return sorted(report.rows("optimal"), key=lambda row: (row["model_order"], row["series_order"], row["steps"]))


def metrics_of(report):
    """In the order of names, the one that ranks first."""
    names = {row["metric"] for row in report.rows("scores")}
    return [report.ranking] + sorted(names - {report.ranking})


def tasks_answer():
    lines = []
    for report in TASKS:
        for row in report.rows("answer"):
            if (row["cost_axis"], row["role"], row["metric"]) == ("gflops_per_image", "use", report.ranking):
                lines.append([report.task, f"{row['budget']:g}", choice(row), f"{name_of(row['metric'])} {score_of(row)}",
                              f"{row['cost']:.3g}"])
    return markdown(["task", "GFLOPs an image", "use", "score, 95 % interval", "costs"], lines)


def tasks_sizes():
    lines, steps = [], sorted({row["steps"] for report in TASKS for row in optimal(report)})
    for report in TASKS:
        by_point = {(row["model"], row["steps"]): row for row in optimal(report) if row["series"] == SERIES}
        for model in dict.fromkeys(model for model, _ in by_point):
            lines.append([f"{report.task}, {name_of(report.ranking)}", model]
                         + [score_of(by_point[model, of]) if (model, of) in by_point else "" for of in steps])
    return markdown([f"{SERIES}, best guidance", "size"] + [f"{of} steps" for of in steps], lines)


def compared(report):
    """The optima of one number of steps, by size."""
    points = [row for row in optimal(report) if row["series"] == SERIES]
    steps = max((row["steps"] for row in points if row["steps"] <= STEPS), default=None)
    return steps, [row for row in points if row["steps"] == steps]


def tasks_scores():
    lines = []
    for report in TASKS:
        steps, points = compared(report)
        for metric in metrics_of(report):
            better = "lower" if LOWER_IS_BETTER[metric] else "higher"
            told = [f"{row['model']} {written(row, metric)}" for row in points if row.get(metric) is not None]
            lines.append([report.task, f"{name_of(metric)}, {better} is better", steps, ", ".join(told)])
    return markdown(["task", "score", "steps", "at the guidance that is best for the first"], lines)


def tasks_baselines():
    lines = []
    for report in TASKS:
        for row in report.rows("cells"):
            if row["baseline"]:
                scores = [f"{name_of(name)} {written(row, name)}" for name in metrics_of(report) if written(row, name)]
                lines.append([report.task, row["baseline"], "; ".join(scores)])
    return markdown(["task", "pictures", "scores"], lines)


# --- the paper's claims about super-resolution, section 4.3, and what editing shows ---------------------
def is_better(first, second, metric):
    """True or False where the intervals are apart, else None."""
    answer = is_below(first, second, metric)
    return answer if answer is None or LOWER_IS_BETTER[metric] else not answer


def follows_size(report, metric):
    _, points = compared(report)
    return [is_better(larger, smaller, metric) for smaller, larger in zip(points, points[1:])]


def of_kind(kind):
    return [report for report in TASKS if KINDS[report.task][0] == kind]


def equal_costs(report):
    """Of neighbouring sizes a smaller one's optimum and that of a larger one which costs the same: pairs."""
    points = [row for row in optimal(report) if row["series"] == SERIES]
    models = list(dict.fromkeys(row["model"] for row in points))
    pairs = []
    for small, large in zip(models, models[1:]):
        for row in (row for row in points if row["model"] == large):
            cost = row["gflops_per_image"]
            near = [other for other in points if other["model"] == small
                    and max(cost, other["gflops_per_image"]) <= EQUAL_COST * min(cost, other["gflops_per_image"])]
            if near:
                pairs.append((min(near, key=lambda other: abs(other["gflops_per_image"] - cost)), row))
    return pairs


def tasks_crossover():
    lines = []
    for report in of_kind("super-resolution"):
        for small, large in equal_costs(report):
            won = is_better(small, large, report.ranking)
            lines.append([report.task, f"{small['gflops_per_image']:.3g}", f"{small['model']}, {small['steps']} steps: {score_of(small)}",
                          f"{large['model']}, {large['steps']} steps: {score_of(large)}",
                          "not told apart" if won is None else small["model"] if won else large["model"]])
    return markdown(["task", "GFLOPs an image", "smaller", "larger", "better"], lines)


def crossover(report):
    pairs = equal_costs(report)
    few = [is_better(small, large, report.ranking) for small, large in pairs if small["steps"] <= PAPER_CROSSOVER]
    many = [is_better(large, small, report.ranking) for small, large in pairs if small["steps"] > PAPER_CROSSOVER]
    said = verdict(few + many) if few and many else UNKNOWN
    return said, (f"at equal cost the smaller is better up to {PAPER_CROSSOVER} of its steps: {counted(few, 'pairs')}; the larger above: "
                  f"{counted(many, 'pairs')}")


def tasks_claims():
    lines = []
    for report in of_kind("super-resolution"):
        lines.append([f"5. {report.task}: below about {PAPER_CROSSOVER} steps the smaller size is better at equal cost, above the larger",
                      *crossover(report)])
        for metric in (name for name in ("fid", "kid") if name in metrics_of(report)):
            answers = follows_size(report, metric)
            lines.append([f"5. {report.task}: {name_of(metric)} follows size", verdict(answers), counted(answers, "steps of size")])
        for metric in (name for name in ("lpips", "feature_distance") if name in metrics_of(report)):
            answers = follows_size(report, metric)
            lines.append([f"5. {report.task}: {name_of(metric)} follows the compute of finetuning, not size", UNKNOWN,
                          "every size had as many steps of finetuning, so both grow together; that it falls with size: "
                          + counted(answers, "steps of size")])
    for report in of_kind("editing"):
        for metric in metrics_of(report):
            answers = follows_size(report, metric)
            lines.append([f"{report.task}: {name_of(metric)} follows size", verdict(answers), counted(answers, "steps of size")])
    return markdown(["claim", "here", f"evidence, {SERIES}, 95 % intervals"],
                    [[claim, f"**{said}**", evidence] for claim, said, evidence in lines])


if __name__ == "__main__":
    fill(sys.argv[2], (tasks_answer, tasks_sizes, tasks_scores, tasks_baselines, tasks_claims, tasks_crossover))
