"""Makes unicode_tables.cpp and unicode_decompositions.cpp: what the CLIP tokenizer must know of Unicode.

    pip install unicodedata2==16.0.0 tokenizers==0.23.3 && python make_unicode_tables.py

Categories and decompositions come from Unicode 16.0, the version that Hugging Face's tokenizers 0.23.3 was found to
use for its patterns; lower case and what belongs to a word come from that library itself, character by character.
"""
import pathlib

import unicodedata2 as unicode
from tokenizers import AddedToken, Tokenizer, models, normalizers

HERE = pathlib.Path(__file__).parent
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)
HEAD = """// Made by make_unicode_tables.py from Unicode {version}: do not edit.
#include "worker/diffusion/tokenizer/unicode_tables.h"

namespace isocost::unicode_tables {{

// clang-format off
"""
TAIL = """// clang-format on

}}  // namespace isocost::unicode_tables
"""


def ranges(predicate):
    found = []
    for c in CODE_POINTS:
        if not predicate(chr(c)):
            continue
        if found and found[-1][1] == c - 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def word_characters():
    """What the library's \\w matches: beside such a character a token of a single word does not count."""
    tokenizer = Tokenizer(models.BPE(vocab={}, merges=[]))
    tokenizer.add_tokens([AddedToken("QQQ", single_word=True, normalized=False)])
    return ranges(lambda s: not tokenizer.encode(s + "QQQ").ids)


def lower_runs():
    """(first, last, step, difference): c in first, first + step, ... last becomes c + difference."""
    lower = normalizers.Lowercase()
    runs = []
    for c in CODE_POINTS:
        text = lower.normalize_str(chr(c))
        if text == chr(c) or len(text) != 1:
            continue
        difference = ord(text) - c
        last = runs[-1] if runs else None
        if last and last[3] == difference and c - last[1] in (1, 2) and (last[0] == last[1] or last[2] == c - last[1]):
            last[2] = c - last[1]
            last[1] = c
        else:
            runs.append([c, c, 1, difference])
    longer = [c for c in CODE_POINTS if len(lower.normalize_str(chr(c))) > 1]
    assert longer == [0x130], "more than one character grows when it is lower-cased"
    return runs


def class_runs():
    runs = []
    for c in CODE_POINTS:
        combining = unicode.combining(chr(c))
        if not combining:
            continue
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == combining:
            runs[-1][1] = c
        else:
            runs.append([c, c, combining])
    return runs


def decompositions():
    """(character, first, second or 0, whether the two compose to it again)."""
    found = []
    for c in CODE_POINTS:
        text = unicode.decomposition(chr(c))
        if not text or text.startswith("<") or c in HANGUL:
            continue
        parts = [int(part, 16) for part in text.split()]
        composes = len(parts) == 2 and unicode.normalize("NFC", "".join(map(chr, parts))) == chr(c)
        found.append([c, parts[0], parts[1] if len(parts) == 2 else 0, int(composes)])
    return found


def number(value):
    return str(value) if -10 < value < 10 else hex(value).upper().replace("X", "x")


def table(kind, name, rows):
    lines, line = [], " "
    for row in rows:
        entry = " {" + ",".join(number(value) for value in row) + "},"
        if len(line) + len(entry) > 118:
            lines.append(line)
            line = " "
        line += entry
    lines.append(line)
    return f"const std::array<{kind}, {len(rows)}> {name} = {{{{\n" + "\n".join(lines) + "\n}};\n"


def main():
    head, tail = HEAD.format(version=unicode.unidata_version), TAIL.format()
    letters = ranges(lambda s: unicode.category(s)[0] == "L")
    numbers = ranges(lambda s: unicode.category(s)[0] == "N")
    tables = {"kLetters": ("Range", letters), "kNumbers": ("Range", numbers), "kWords": ("Range", word_characters()),
              "kLowerCase": ("LowerCase", lower_runs()),
              "kCombiningClasses": ("CombiningClass", class_runs())}
    decomposed = {"kDecompositions": ("Decomposition", decompositions())}
    for file, content in {"unicode_tables.cpp": tables, "unicode_decompositions.cpp": decomposed}.items():
        text = "".join(table(kind, name, rows) for name, (kind, rows) in content.items())
        (HERE / file).write_text(head + text + tail)
    for name, (kind, rows) in (tables | decomposed).items():
        print(f"extern const std::array<{kind}, {len(rows)}> {name};")


if __name__ == "__main__":
    main()
