"""Holds script/convert/lpips.py to files of the published shapes: its folder gives the distance that the same weights give
in PyTorch, and what is wrong with a file is a sentence.

    python lpips_conversion.py ISOCOST_WORKER CONVERT
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from PIL import Image

WORKER, CONVERT = sys.argv[1:]
SHAPES = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
STRIDES, PADDINGS, POOLED = {0: 4}, {0: 2, 3: 2}, (3, 6)


def backbone():
    torch.manual_seed(3)
    tensors = {"classifier.1.weight": torch.zeros(2, 2)}
    for index, (to, of, side) in SHAPES.items():
        tensors[f"features.{index}.weight"] = torch.randn(to, of, side, side) * (2 / (of * side * side)) ** .5
        tensors[f"features.{index}.bias"] = .1 * torch.randn(to)
    return tensors


def distance(tensors, heads, x, y):
    """Zhang et al. 2018, written down once more."""
    def features(p):
        p = (p - torch.tensor([-.030, -.088, -.188]).view(1, 3, 1, 1)) / torch.tensor([.458, .448, .450]).view(1, 3, 1, 1)
        for index in SHAPES:
            if index in POOLED:
                p = torch.nn.functional.max_pool2d(p, 3, 2)
            p = torch.relu(torch.nn.functional.conv2d(p, tensors[f"features.{index}.weight"],
                                                      tensors[f"features.{index}.bias"], STRIDES.get(index, 1),
                                                      PADDINGS.get(index, 1)))
            yield p / (p.square().sum(1, keepdim=True).sqrt() + 1e-10)

    return sum(((a - b).square() * heads[f"lin{i}.model.1.weight"]).sum(1).mean()
               for i, (a, b) in enumerate(zip(features(x), features(y)))).item()


def convert(folder, heads=("--heads", "heads.pth"), out="out", packages=""):
    return subprocess.run([sys.executable, CONVERT, "--net", "alex", "--backbone", "alexnet.pth", *heads, out],
                          cwd=folder, env={**os.environ, "PYTHONPATH": packages}, capture_output=True, text=True)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tensors = backbone()
        heads = {f"lin{i}.model.1.weight": torch.rand(1, shape[0], 1, 1) for i, shape in enumerate(SHAPES.values())}
        torch.save(tensors, folder / "alexnet.pth")
        torch.save(heads, folder / "heads.pth")
        done = convert(folder)
        assert done.returncode == 0, done.stderr

        # The call without --heads takes those of the package, whose name the script has too.
        weights = folder / "packages/lpips/weights/v0.1"
        weights.mkdir(parents=True)
        (folder / "packages/lpips/__init__.py").write_text("raise ImportError('it is looked for and not run')\n")
        torch.save(heads, weights / "alex.pth")
        done = convert(folder, heads=(), out="of-package", packages=str(folder / "packages"))
        assert done.returncode == 0, done.stderr
        for file in ("config.json", "model.safetensors"):
            assert (folder / "of-package" / file).read_bytes() == (folder / "out" / file).read_bytes(), file

        pictures = numpy.random.default_rng(5).integers(0, 256, (2, 2, 72, 80, 3), dtype=numpy.uint8)
        wanted = 0
        for side, which in enumerate(("made", "real")):
            (folder / which).mkdir()
            for i in range(2):
                Image.fromarray(pictures[side, i]).save(folder / which / f"{i}.png")
        signed = torch.from_numpy(pictures).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
        with torch.no_grad():
            wanted = sum(distance(tensors, heads, signed[0, i:i + 1], signed[1, i:i + 1]) for i in range(2)) / 2
        scored = subprocess.run([WORKER, "score", "--metric", "lpips", "--extractor", folder / "out", "--pictures",
                                 folder / "made", "--reference", folder / "real", "--json", "--device", "cpu"],
                                capture_output=True, text=True)
        assert scored.returncode == 0, scored.stderr
        value = json.loads(scored.stdout)["value"]
        assert abs(value - wanted) < 1e-5 * wanted, (value, wanted)

        del tensors["features.3.bias"]
        tensors["features.6.weight"] = torch.zeros(2, 2)
        torch.save(tensors, folder / "alexnet.pth")
        done = convert(folder)
        assert done.returncode == 1, done
        assert "the tensor 'features.3.bias' is missing; expected [192]" in done.stderr, done.stderr
        assert "the tensor 'features.6.weight' is [2, 2]; expected [384, 192, 3, 3]" in done.stderr, done.stderr
        (folder / "heads.pth").write_text("no heads")
        done = convert(folder)
        assert done.returncode == 1 and "expected a state dictionary" in done.stderr, done.stderr


if __name__ == "__main__":
    main()
