"""What a user brings to experiments/own-models.yaml, small: two pipelines and what was finetuned of them, prompts, photos,
edits with masks and instructions, a reference folder and the same as npz statistics, a TorchScript extractor, and a CLIP
folder. And for tests/end_to_end/study_test.cpp a model of every other kind.

    make_own_models.py GOLDEN_MODELS OUT
"""
import json
import pathlib
import shutil
import sys

import numpy as np
import torch
from PIL import Image

golden, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
torch.manual_seed(0)
rng = np.random.default_rng(0)

plain = shutil.ignore_patterns("golden")
for name in ("sd1", "bk-tiny"):
    shutil.copytree(golden / name, out / "models" / name, ignore=plain)
    shutil.copytree(golden / "concat-sr", out / "enlargers" / name, ignore=plain)
    shutil.copytree(golden / "pix2pix", out / "editors" / name, ignore=plain)
shutil.copytree(golden / "inpaint9", out / "painters" / "sd1", ignore=plain)
shutil.copytree(golden / "x4", out / "upscalers" / "sd1", ignore=plain)
shutil.copytree(golden / "clip", out / "clip", ignore=shutil.ignore_patterns("golden"))

subjects = ["cat", "dog", "house", "tree", "boat", "bridge", "horse", "lamp"]
with open(out / "prompts.jsonl", "w") as lines:
    for i in range(32):
        lines.write(json.dumps({"prompt": f"a photo of a {subjects[i % 8]} number {i}"}) + "\n")


class Extractor(torch.nn.Module):
    """uint8 [B, 3, H, W] to eight numbers a picture."""

    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 8, 5, stride=2)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        x = pictures.to(torch.float32) / 127.5 - 1
        return torch.tanh(self.convolution(x)).mean(dim=[2, 3])


extractor = Extractor().eval()
torch.jit.script(extractor).save(str(out / "extractor.pt"))

(out / "reference").mkdir()
pictures = []
for i in range(48):
    coarse = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((32, 32), Image.Resampling.BICUBIC)
    picture.save(out / "reference" / f"{i:03}.png")
    pictures.append(np.asarray(picture).transpose(2, 0, 1))
with torch.no_grad():
    rows = extractor(torch.from_numpy(np.stack(pictures))).double().numpy()
np.savez(out / "reference.npz", mu=rows.mean(0), sigma=np.cov(rows, rowvar=False))


def drawn(width, height):
    coarse = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


# Photos of many sizes; pairs of a small and a large one; edits with a mask somewhere in the picture.
for folder in ("photos", "low", "high", "edits/masks", "edits/targets"):
    (out / folder).mkdir(parents=True)
for i in range(10):
    drawn(50 + 3 * i, 70 - 2 * i).save(out / "photos" / f"{i:02}.jpg", quality=95)
    large = drawn(32, 32)
    large.save(out / "high" / f"{i:04}.png")
    large.resize((16, 16), Image.Resampling.BICUBIC).save(out / "low" / f"{i:04}x2.png")
with open(out / "edits" / "metadata.jsonl", "w") as lines:
    for i in range(10):
        drawn(40, 36).save(out / "edits" / f"{i}.png")
        mask = np.zeros((36, 40), dtype=np.uint8)
        mask[8 + i : 24, 10 : 20 + i] = 255
        Image.fromarray(mask).save(out / "edits" / "masks" / f"{i}.png")
        drawn(40, 36).save(out / "edits" / "targets" / f"{i}.png")
        subject = subjects[i % 8]
        lines.write(json.dumps({"file_name": f"{i}.png", "mask_file_name": f"masks/{i}.png", "text": f"a {subject}",
                                "edit_prompt": f"make it a {subject} at night", "target_file_name": f"targets/{i}.png",
                                "target_text": f"a {subject} at night"}) + "\n")
# The same pictures to be repainted: here the text says what is wanted.
shutil.copytree(out / "edits", out / "repaints")
with open(out / "repaints" / "metadata.jsonl", "w") as lines:
    for i in range(10):
        lines.write(json.dumps({"file_name": f"{i}.png", "mask_file_name": f"masks/{i}.png",
                                "text": f"a {subjects[i % 8]} at night"}) + "\n")
