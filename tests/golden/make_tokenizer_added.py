"""Makes tokenizer_added.json: what Hugging Face's CLIPTokenizer and diffusers' textual inversion make of prompts where
words were added to a vocabulary, in every form in which the libraries have stored such words.

    pip install transformers==5.23.0 diffusers==0.42.1 && python make_tokenizer_added.py

Each case is the files beside the vocabulary of models/bk-tiny/tokenizer (null: the file is taken away), and prompts
with their ids, as the tokenizer gives them and as a pipeline feeds them to its text encoder. A case is "refused" where
the library gives a token another id than the file claims (files of other versions mean another row of the text encoder),
or where two tokens read alike and the library takes either by chance.
"""
import json
import os
import pathlib
import random
import shutil
import tempfile

from diffusers.loaders import TextualInversionLoaderMixin
from transformers import CLIPTokenizer

HERE = pathlib.Path(__file__).parent
BASE = HERE / "models/bk-tiny/tokenizer"
VOCABULARY = json.loads((BASE / "vocab.json").read_text())
MERGES = [line.split() for line in (BASE / "merges.txt").read_text().splitlines() if line and not line.startswith("#")]
N = len(VOCABULARY)
CONFIG = json.loads((BASE / "tokenizer_config.json").read_text())
WORDS = ["<cat-toy>", "<Cat-Toy>", "<cat-toy>_1", "<cat-toy>_2", "sks", "Ünï", "two words", "<|pad|>", "!", "cat</w>", "²x"]
PIECES = WORDS + ["<CAT-TOY>", "a", " ", "  ", "left of", "circle", "<cat", "SKS", "sksx", "_", "é", "\u0301", "²", ".",
                  "<|startoftext|>", "<|ENDOFTEXT|>", "ünï", "1"]


def token(chance, text):
    entry = {"content": text}
    for flag in ("lstrip", "rstrip", "single_word", "normalized", "special"):
        if chance.random() < 0.35:
            entry[flag] = chance.random() < 0.6
    return entry


def ids(words, chance):
    """The next ids, a vocabulary's own for what is in it, now and then a wrong one."""
    result, following = {}, N
    for word in words:
        if word in VOCABULARY:
            result[word] = VOCABULARY[word]
        else:
            result[word] = following
            following += 1
        if chance.random() < 0.05:
            result[word] += chance.choice([1, 7])
    return result


def special(chance, text):
    return chance.choice([text, {"content": text, "normalized": True, "lstrip": False}])


def draw(chance):
    words = chance.sample(WORDS, chance.randint(1, 5))
    numbers = ids(words, chance)
    config, files = dict(CONFIG), {}
    form = chance.choice(["file", "decoder", "both", "special", "whole", "map"])
    if form in ("file", "both", "map"):
        files["added_tokens.json"] = {word: numbers[word] for word in words if len(set(numbers.values())) == len(numbers)}
    if form in ("decoder", "both"):
        config["added_tokens_decoder"] = {str(numbers[word]): token(chance, word) for word in words}
    if form == "special":
        config[chance.choice(["additional_special_tokens", "extra_special_tokens"])] = words
        if chance.random() < 0.3:
            files["added_tokens.json"] = {word: numbers[word] for word in words}
    if form == "map":
        files["special_tokens_map.json"] = {"bos_token": special(chance, "<|startoftext|>"), "eos_token": "<|endoftext|>",
                                            "unk_token": special(chance, "<|endoftext|>"),
                                            "pad_token": chance.choice(["!", "<|endoftext|>", words[0]]),
                                            "additional_special_tokens": words[:1]}
    if form == "whole":
        added = [{"id": numbers[word], **{flag: False for flag in ("lstrip", "rstrip", "single_word", "normalized",
                                                                   "special")}, **token(chance, word)} for word in words]
        files["tokenizer.json"] = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
                                   "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None,
                                   "model": {"type": "BPE", "dropout": None, "unk_token": "<|endoftext|>",
                                             "continuing_subword_prefix": "", "end_of_word_suffix": "</w>",
                                             "fuse_unk": False, "vocab": VOCABULARY, "merges": MERGES}}
        files[chance.choice(["vocab.json", "special_tokens_map.json"])] = None
    if chance.random() < 0.3 and form != "map":
        config["pad_token"] = chance.choice(["!", "<|endoftext|>"])
    files["tokenizer_config.json"] = config
    return files


def write(folder, files):
    shutil.copytree(BASE, folder)
    os.chmod(folder, 0o755)
    for name, content in files.items():
        (folder / name).unlink(missing_ok=True)
        if content is not None:
            (folder / name).write_text(json.dumps(content, ensure_ascii=False))


def claimed(files):
    config = files["tokenizer_config.json"]
    if "added_tokens_decoder" in config:
        return {entry["content"]: int(key) for key, entry in config["added_tokens_decoder"].items()}
    whole = files.get("tokenizer.json") or {"added_tokens": []}
    return files.get("added_tokens.json", {}) | {entry["content"]: entry["id"] for entry in whole["added_tokens"]}


def converted(prompt, tokenizer, backwards):
    """maybe_convert_prompt() with its set of tokens in a given order."""
    for text in sorted(set(tokenizer.tokenize(prompt)), reverse=backwards):
        every, i = text, 1
        while text in tokenizer.added_tokens_encoder and f"{text}_{i}" in tokenizer.added_tokens_encoder:
            every, i = f"{every} {text}_{i}", i + 1
        prompt = prompt.replace(text, every)
    return prompt


def refused(files, tokenizer):
    if any(tokenizer.convert_tokens_to_ids(text) != number for text, number in claimed(files).items()):
        return "has the id"
    looked_for = [str(token).lower() for token in tokenizer.added_tokens_decoder.values() if token.normalized]
    return "read alike" if len(set(looked_for)) < len(looked_for) else None


def main():
    chance = random.Random(20261128)
    mixin, cases = TextualInversionLoaderMixin(), []
    while len(cases) < 120:
        files = draw(chance)
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch) / "tokenizer"
            write(folder, files)
            tokenizer = CLIPTokenizer.from_pretrained(folder)
        # The vocabulary is the same in all cases: it need not stand in each.
        if files.get("tokenizer.json"):
            files["tokenizer.json"]["model"].update(vocab=None, merges=None)
        if refusal := refused(files, tokenizer):
            cases.append({"files": files, "refused": refusal})
            continue
        prompts = []
        while len(prompts) < 8:
            text = chance.choice(["", " "]).join(chance.choice(PIECES) for _ in range(chance.randint(1, 7)))
            # Upstream's answer hangs on the order of a Python set where one word is a part of another.
            if converted(text, tokenizer, False) != converted(text, tokenizer, True):
                continue
            prompts.append({"text": text, "ids": tokenizer(text).input_ids[1:-1],
                            "pipeline": tokenizer(mixin.maybe_convert_prompt(text, tokenizer)).input_ids[1:-1]})
        cases.append({"files": files, "pad": tokenizer.pad_token_id, "prompts": prompts})
    text = json.dumps(cases, separators=(",", ":"), ensure_ascii=False).replace('},{"files"', '},\n{"files"')
    (HERE / "tokenizer_added.json").write_text(text + "\n")
    print(len(cases), "cases,", sum("refused" in case for case in cases), "refused")


if __name__ == "__main__":
    main()
