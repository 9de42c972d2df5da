"""Makes tokenizer_odd.json: what Hugging Face's CLIPTokenizer makes of odd texts, with the vocabulary beside it.

    pip install transformers==5.23.0 && python make_tokenizer_odd.py
"""
import json
import pathlib
import random

from transformers import CLIPTokenizer

HERE = pathlib.Path(__file__).parent
BLOCKS = [(0x20, 0x7E), (0xA0, 0x17F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x45F), (0x590, 0x6FF), (0x900, 0xDFF),
          (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2100, 0x218F), (0x3000, 0x30FF), (0xAC00, 0xAD00),
          (0xF900, 0xFA20), (0xFB00, 0xFB4F), (0x10400, 0x1044F), (0x1D15E, 0x1D16F), (0x1F300, 0x1F5FF), (0, 0x1F)]
WORDS = ["a photo of", "it's", "we'LL", "don't", "!!", "<|endoftext|>", "<|ENDOFTEXT|>!", "?<|startoftext|>x", "'", "''s",
         "2024", "x²", " ", "\t\n", "I\u0307", "\u0130stanbul", "ΑΣ", "ﬁ", "Å", "e\u0301\u0323", "가", "ᄀ\u1161\u11a8", "\u1e9b\u0323"]


def main():
    chance = random.Random(20240601)
    tokenizer = CLIPTokenizer.from_pretrained(HERE / "clip_tokenizer")
    texts = list(WORDS)
    for _ in range(600):
        parts = []
        for _ in range(chance.randint(1, 6)):
            if chance.random() < 0.4:
                parts.append(chance.choice(WORDS))
            else:
                first, last = chance.choice(BLOCKS)
                parts.append("".join(chr(chance.randint(first, last)) for _ in range(chance.randint(1, 5))))
        texts.append(chance.choice(["", " "]).join(parts))
    cases = [{"text": text, "ids": tokenizer(text).input_ids[1:-1]} for text in texts]
    (HERE / "tokenizer_odd.json").write_text(json.dumps(cases, separators=(",", ":")).replace("},", "},\n") + "\n")


if __name__ == "__main__":
    main()
