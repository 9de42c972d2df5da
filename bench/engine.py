"""Images a second of isocost's engine beside diffusers: same weights, same LibTorch, one thread each.

    python bench/engine.py build/release/bin/engine_bench [MODEL ...] [--batch 8 64] [--steps 10] [--json]

Without models: every model of experiments/mini/models that has a U-Net; where there are none yet, networks of the mini
family's shape with drawn weights. A round makes one batch from text states that are ready: guided DDIM steps, decoder,
bytes. The two take turns and the best of the rounds counts, so that a busy machine is judged by its quiet moments.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import warnings

os.environ["OMP_NUM_THREADS"] = "1"
for library in ("DIFFUSERS", "TRANSFORMERS"):  # the table alone
    os.environ[library + "_VERBOSITY"] = "error"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parent.parent

import torch  # noqa: E402
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel  # noqa: E402
from diffusers.utils import logging as diffusers_logging  # noqa: E402
from transformers.utils import logging as transformers_logging  # noqa: E402

diffusers_logging.disable_progress_bar()
transformers_logging.disable_progress_bar()

torch.set_num_threads(1)
torch.set_grad_enabled(False)
TEMPLATE = ROOT / "tests" / "golden" / "models" / "bk-tiny"
DRAWN_WIDTHS = (8, 16, 24, 32, 48, 64)
TURNS = 4


def draw_models(folder):
    """Models of the mini family's shape: base widths 8 to 64, 8x8 latents, the parts around them from a small pipeline."""
    models = []
    context = json.loads((TEMPLATE / "unet" / "config.json").read_text())["cross_attention_dim"]
    for width in DRAWN_WIDTHS:
        model = folder / f"drawn-{width}"
        shutil.copytree(TEMPLATE, model)
        torch.manual_seed(width)
        unet = UNet2DConditionModel(
            sample_size=8, block_out_channels=(width, 2 * width, 2 * width), layers_per_block=1, norm_num_groups=8,
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            attention_head_dim=4, cross_attention_dim=context)
        shutil.rmtree(model / "unet")
        unet.save_pretrained(model / "unet")
        models.append(model)
    return models


class Diffusers:
    def __init__(self, model, steps, guidance):
        self.pipe = StableDiffusionPipeline.from_pretrained(model, safety_checker=None, feature_extractor=None,
                                                            torch_dtype=torch.float32)
        self.pipe.scheduler = DDIMScheduler.from_config(self.pipe.scheduler.config)
        self.pipe.set_progress_bar_config(disable=True)
        self.steps, self.guidance = steps, guidance

    def round(self, batch):
        config = self.pipe.text_encoder.config
        ids = torch.arange(batch * config.max_position_embeddings).remainder(config.vocab_size).view(batch, -1)
        text = self.pipe.text_encoder(ids)[0]
        size = self.pipe.unet.config.sample_size
        latents = torch.randn(batch, self.pipe.unet.config.in_channels, size, size)
        begin = time.perf_counter()
        images = self.pipe(prompt_embeds=text, negative_prompt_embeds=text, num_inference_steps=self.steps,
                           guidance_scale=self.guidance, latents=latents, output_type="np").images
        (images * 255).round().astype("uint8")
        return batch / (time.perf_counter() - begin)


def ours(program, model, batch, arguments):
    command = [program, str(model), "--batch", str(batch), "--steps", str(arguments.steps),
               "--guidance", str(arguments.guidance), "--rounds", str(arguments.rounds)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(arguments, model, batch):
    peer = Diffusers(model, arguments.steps, arguments.guidance)
    peer.round(batch)
    best_peer, best_ours = 0.0, 0.0
    for _ in range(TURNS):
        best_ours = max(best_ours, ours(arguments.program, model, batch, arguments)["images_per_second"])
        best_peer = max([best_peer] + [peer.round(batch) for _ in range(arguments.rounds)])
    parameters = sum(p.numel() for p in peer.pipe.unet.parameters())
    return {"model": pathlib.Path(model).name, "unet_parameters": parameters, "batch": batch,
            "isocost_images_per_second": best_ours, "diffusers_images_per_second": best_peer,
            "ratio": best_ours / best_peer}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    parser.add_argument("--batch", nargs="*", type=int, default=[8, 64])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = arguments.models or sorted((p.parent.parent for p in ROOT.glob("experiments/mini/models/*/unet/config.json")),
                                            key=lambda folder: (len(folder.name), folder.name))
        models = models or draw_models(pathlib.Path(folder))
        if not arguments.json:
            print(f"{'model':<20}{'U-Net':>12}{'batch':>7}{'isocost':>12}{'diffusers':>12}{'ratio':>8}   images a second")
        for model in models:
            for batch in arguments.batch:
                row = compare(arguments, model, batch)
                if arguments.json:
                    print(json.dumps(row), flush=True)
                else:
                    print(f"{row['model']:<20}{row['unet_parameters']:>12,}{row['batch']:>7}"
                          f"{row['isocost_images_per_second']:>12.1f}{row['diffusers_images_per_second']:>12.1f}"
                          f"{row['ratio']:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
