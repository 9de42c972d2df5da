"""Reads report.json for the scripts that fill pages: its tables, how numbers are written, and what intervals tell apart."""
import json
import pathlib
import sys

FORMAT = 2  # of report.json
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot say"


class Report:
    """Of a study. `task`: the one whose rows `rows` gives; by default the first."""

    def __init__(self, file, task=None):
        self.content = json.loads(pathlib.Path(file).read_text())
        if self.content.get("format") != FORMAT:
            sys.exit(f"{file}: this is report.json of format {self.content.get('format')}; expected {FORMAT}")
        self.tasks = list(dict.fromkeys(row["task"] for row in self.all_rows("optimal")))
        self.task = task or self.tasks[0]

    def all_rows(self, table):
        columns = self.content["tables"][table]["columns"]
        return [dict(zip(columns, row)) for row in self.content["tables"][table]["rows"]]

    def rows(self, table):
        return [row for row in self.all_rows(table) if row["task"] == self.task]

    @property
    def ranking(self):  # the metric that the grid names first
        return self.rows("optimal")[0]["metric"]


def name_of(metric):
    return metric.upper() if len(metric) <= 4 else metric.replace("_", " ")


def number(value):
    return f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"


def interval(row, prefix="", write=number):
    """Of `prefix`value, or of a metric's columns where `prefix` names one and ends without an underscore."""
    name, low, high = (prefix, prefix + "_low", prefix + "_high") if prefix and not prefix.endswith("_") else (
        prefix + "value", prefix + "low", prefix + "high")
    if row[name] is None:
        return ""
    if row[low] is None:
        return write(row[name])
    return f"{write(row[name])} ({write(row[low])} to {write(row[high])})"


def percent(row, name):
    return interval(row, name, lambda value: f"{100 * value:.1f}")


def choice(row):
    return f"{row['model']}, {row['series']}, {row['steps']} steps, guidance {row['guidance']:g}"


def pivot(cells, line_of, column_of, text_of):
    columns = list(dict.fromkeys(column_of(row) for row in cells))
    lines = {}
    for row in cells:
        lines.setdefault(line_of(row), {})[column_of(row)] = text_of(row)
    return columns, [[line] + [by_column.get(column, "") for column in columns] for line, by_column in lines.items()]


def bounds(row, column="value"):
    """Of a score; of the ranking one on images that did not choose, where there are any."""
    if column == "value":
        prefix = "judged_" if row["judged_value"] is not None else ""
        return row[prefix + "low"], row[prefix + "high"]
    return row[column + "_low"], row[column + "_high"]


def is_below(first, second, column="value"):
    """True or False where the intervals are apart, else None."""
    if first is None or second is None or None in bounds(first, column) + bounds(second, column):
        return None
    (low_1, high_1), (low_2, high_2) = bounds(first, column), bounds(second, column)
    return True if high_1 < low_2 else False if low_1 > high_2 else None


def verdict(answers):
    answers = list(answers)
    return HOLDS if answers and all(answers) else FAILS if False in answers else UNKNOWN


def counted(answers, what):
    answers = list(answers)
    if not answers:
        return "the grid has no such cells"
    return (f"of {len(answers)} {what} {answers.count(True)} do, {answers.count(False)} do the opposite, "
            f"{answers.count(None)} are not told apart")
