"""What a user brings to experiments/own-models.yaml, small: two pipelines, prompts, a reference folder and the same as
npz statistics, a TorchScript extractor, and a CLIP folder.

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

for name in ("sd1", "bk-tiny"):
    shutil.copytree(golden / name, out / "models" / name, ignore=shutil.ignore_patterns("golden"))
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
