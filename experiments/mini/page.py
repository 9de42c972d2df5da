"""Fills pages of the documentation with tables: what stands between "<!-- NAME -->" and "<!-- /NAME -->" is replaced."""
import pathlib
import re


def markdown(head, lines):
    ruled = [head, ["---"] * len(head)] + lines
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in ruled)


def fill(page, tables):
    """`tables`: functions without arguments, each called as its mark; those without a mark in the page are not called."""
    file = pathlib.Path(page)
    text = file.read_text()
    for table in tables:
        name = table.__name__
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if mark.search(text):
            body = table()
            text = mark.sub(lambda found: found[1] + "\n" + body + "\n\n" + found[2], text)
    file.write_text(text)
