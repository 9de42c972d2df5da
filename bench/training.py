"""Training steps a second of isocost beside PyTorch: the same U-Net, one thread each.

    python bench/training.py build/release/bin/training_bench [RECIPE ...] [--steps 10] [--rounds 2] [--json]

Without recipes: w16, w32 and w68 of the mini family. A step is the network on one batch of drawn latents, timesteps and
text states, the squared error backwards, the gradient clipped, AdamW, and the average of the weights. The peer is what one
writes with diffusers: UNet2DConditionModel of the recipe's own config, torch.optim.AdamW as fast as it is to be had, and
diffusers' EMAModel. The two take turns and the best of the rounds counts, so that a busy machine is judged by its quiet
moments.
"""
import argparse
import json
import os
import pathlib
import subprocess
import time
import warnings

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["DIFFUSERS_VERBOSITY"] = "error"  # the table alone
warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parent.parent

import torch  # noqa: E402
from diffusers import UNet2DConditionModel  # noqa: E402
from diffusers.training_utils import EMAModel  # noqa: E402

torch.set_num_threads(1)
TEXT_LENGTH = 20
TURNS = 3


class Diffusers:
    def __init__(self, recipe):
        config = recipe["config"]
        torch.manual_seed(recipe["seed"])
        self.unet = UNet2DConditionModel.from_config(config).train()
        settings = {"lr": 1e-4, "betas": (0.9, 0.99), "weight_decay": recipe.get("weight_decay", 0)}
        try:
            self.optimizer = torch.optim.AdamW(self.unet.parameters(), fused=True, **settings)
        except RuntimeError:  # an older PyTorch, on a CPU
            self.optimizer = torch.optim.AdamW(self.unet.parameters(), foreach=True, **settings)
        self.average = EMAModel(self.unet.parameters(), decay=recipe["ema"], foreach=True)
        batch, side = recipe["batch"], config["sample_size"]
        self.noisy = torch.randn(batch, config["in_channels"], side, side).to(memory_format=torch.channels_last)
        self.wanted = torch.randn(batch, config["out_channels"], side, side)
        self.timesteps = torch.arange(batch) * 7
        self.text = torch.randn(batch, TEXT_LENGTH, config["cross_attention_dim"])

    def round(self, steps):
        begin = time.perf_counter()
        for _ in range(steps):
            made = self.unet(self.noisy, self.timesteps, encoder_hidden_states=self.text).sample
            (made - self.wanted).square().mean().backward()
            torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.average.step(self.unet.parameters())
        return (time.perf_counter() - begin) / steps


def ours(arguments, recipe):
    command = [arguments.program, str(recipe), "--steps", str(arguments.steps), "--rounds", str(arguments.rounds)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(arguments, file):
    recipe = json.loads(file.read_text())
    peer = Diffusers(recipe)
    peer.round(arguments.steps)
    best_peer, best_ours = float("inf"), float("inf")
    for _ in range(TURNS):
        mine = ours(arguments, file)
        best_ours = min(best_ours, mine["seconds_per_step"])
        best_peer = min([best_peer] + [peer.round(arguments.steps) for _ in range(arguments.rounds)])
    parameters = sum(p.numel() for p in peer.unet.parameters())
    if parameters != mine["parameters"]:
        raise SystemExit(f"{file}: the peer has {parameters} parameters; expected {mine['parameters']}, as ours")
    return {"recipe": recipe["name"], "parameters": parameters, "batch": recipe["batch"],
            "isocost_seconds_per_step": best_ours, "diffusers_seconds_per_step": best_peer, "ratio": best_peer / best_ours}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("recipes", nargs="*", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    recipes = arguments.recipes or [ROOT / f"experiments/mini/recipes/{name}.json" for name in ("w16", "w32", "w68")]
    if not arguments.json:
        print(f"{'recipe':<14}{'U-Net':>12}{'batch':>7}{'isocost':>12}{'diffusers':>12}{'ratio':>8}   seconds a step")
    for file in recipes:
        row = compare(arguments, file)
        if arguments.json:
            print(json.dumps(row), flush=True)
        else:
            print(f"{row['recipe']:<14}{row['parameters']:>12,}{row['batch']:>7}{row['isocost_seconds_per_step']:>12.3f}"
                  f"{row['diffusers_seconds_per_step']:>12.3f}{row['ratio']:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
