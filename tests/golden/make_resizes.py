"""Makes resizes.json: what Pillow makes of noise at many sizes, by SHA-256 of the bytes.

    pip install pillow==13.0.0 numpy && python make_resizes.py

A case is [width, height, new width, new height, filter, of 8-bit RGB, of three 'F' channels as float32 in the order of
RGB]. Filters: 2 bilinear, 3 bicubic. Noise is byte 7 of x -> 6364136223846793005 x + 1442695040888963407 from x = seed,
the case's number. Pillow runs the vertical pass first where that is cheaper, so every shape counts.
"""
import hashlib
import json
import pathlib
import random

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
KNOWN = [(37, 58, 29, 41, 3), (44, 56, 37, 22, 3), (20, 24, 32, 21, 3), (5, 55, 31, 42, 3)]


def noise(count, seed):
    values, x = bytearray(), seed
    for _ in range(count):
        x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append(x >> 56)
    return np.frombuffer(bytes(values), np.uint8)


def draw(chance):
    most = chance.choice([6, 30, 60])
    width, height, new_width, new_height = (chance.randint(1, most) for _ in range(4))
    if chance.random() < 0.4 and height > 1:  # where the order of the passes turns
        new_height = chance.randint(1, height - 1)
        new_width = max(1, width - (height - new_height) // 2 + chance.randint(-2, 2))
    return width, height, new_width, new_height, chance.choice([2, 3])


def main():
    chance, cases = random.Random(20261128), []
    for seed in range(500):
        width, height, new_width, new_height, kind = KNOWN[seed] if seed < len(KNOWN) else draw(chance)
        picture = noise(3 * width * height, seed).reshape(height, width, 3)
        size = (new_width, new_height)
        whole = np.asarray(Image.fromarray(picture).resize(size, kind))
        planes = [np.asarray(Image.fromarray(picture[:, :, c].astype(np.float32)).resize(size, kind)) for c in range(3)]
        digest = lambda array: hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        cases.append([width, height, new_width, new_height, kind, digest(whole), digest(np.stack(planes, -1))])
    (HERE / "resizes.json").write_text("[" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "]\n")


if __name__ == "__main__":
    main()
