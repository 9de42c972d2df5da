"""Saves the tokenizer of models/bk-tiny as transformers 5 does: tokenizer.json alone.

    python tests/golden/make_tokenizer_fast.py      # transformers 5.23
"""
import pathlib

from transformers import CLIPTokenizer

here = pathlib.Path(__file__).resolve().parent
CLIPTokenizer.from_pretrained(here / "models/bk-tiny/tokenizer").save_pretrained(here / "tokenizer_fast")
