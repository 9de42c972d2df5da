"""Images a second of isocost's engine beside diffusers: same weights, same LibTorch, one thread each.

    python bench/engine.py build/release/bin/engine_bench [MODEL ...] [--task inpaint ...] [--batch 8 64] [--steps 10] [--json]

Without models: for text-to-image every model of experiments/mini/models that has a U-Net (where there are none yet,
networks of the mini family's shape with drawn weights), and for each other task a small network of its kind from
tests/golden/models. A round makes one batch from text states that are ready: what the task encodes, guided DDIM steps,
decoder, bytes. The peer is diffusers' pipeline for the task; super-resolution by concatenated latents has none there, so it is
the loop that one writes with diffusers' parts. The two take turns and the best of the rounds counts, so that a busy
machine is judged by its quiet moments.
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

import diffusers  # noqa: E402
import torch  # noqa: E402
from diffusers import DDIMScheduler, UNet2DConditionModel  # noqa: E402
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


# The network of its kind that a task has where nobody names one, diffusers' pipeline for it, and what that takes besides
# prompt, steps and guidance.
TASKS = {
    "text-to-image": (None, "StableDiffusionPipeline", {}),
    "concat-sr": ("concat-sr", None, {}),
    "x4": ("x4", "StableDiffusionUpscalePipeline", {"noise_level": 20}),
    "sdedit": ("sd1", "StableDiffusionImg2ImgPipeline", {"strength": 0.8}),
    "inpaint": ("inpaint9", "StableDiffusionInpaintPipeline", {"strength": 1.0}),
    "instruct": ("pix2pix", "StableDiffusionInstructPix2PixPipeline", {"image_guidance_scale": 1.5}),
}
FACTOR = 4  # of super-resolution by concatenated latents


class Diffusers:
    def __init__(self, model, task, arguments):
        self.task, self.steps, self.guidance = task, arguments.steps, arguments.guidance
        _, name, self.more = TASKS[task]
        parts = {} if name == "StableDiffusionUpscalePipeline" else {"safety_checker": None, "feature_extractor": None}
        self.pipe = getattr(diffusers, name or "StableDiffusionPipeline").from_pretrained(
            model, torch_dtype=torch.float32, **parts)
        self.pipe.scheduler = DDIMScheduler.from_config(self.pipe.scheduler.config)
        self.pipe.set_progress_bar_config(disable=True)

    def pictures(self, batch):
        """What the task begins with, in [0, 1]."""
        latents = self.pipe.unet.config.sample_size
        side = latents * self.pipe.vae_scale_factor
        small = {"x4": latents, "concat-sr": side // FACTOR}.get(self.task, side)
        pictures = {} if self.task == "text-to-image" else {"image": torch.rand(batch, 3, small, small)}
        if self.task == "inpaint":
            pictures["mask_image"] = torch.zeros(batch, 1, side, side)
            pictures["mask_image"][..., side // 2:] = 1
        return pictures

    def round(self, batch):
        config = self.pipe.text_encoder.config
        ids = torch.arange(batch * config.max_position_embeddings).remainder(config.vocab_size).view(batch, -1)
        text = self.pipe.text_encoder(ids)[0]
        pictures = self.pictures(batch)
        begin = time.perf_counter()
        if self.task == "concat-sr":
            images = self.enlarge(text, pictures["image"])
        else:
            images = self.pipe(prompt_embeds=text, negative_prompt_embeds=text, num_inference_steps=self.steps,
                               guidance_scale=self.guidance, output_type="np", **self.more, **pictures).images
        (images * 255).round().astype("uint8")
        return batch / (time.perf_counter() - begin)

    def enlarge(self, text, small):
        pipe, batch = self.pipe, small.shape[0]
        scaling = pipe.vae.config.scaling_factor
        large = torch.nn.functional.interpolate(small, scale_factor=FACTOR, mode="bicubic", align_corners=False)
        beside = scaling * pipe.vae.encode(2 * large - 1).latent_dist.mean
        pipe.scheduler.set_timesteps(self.steps)
        x = torch.randn(beside.shape) * pipe.scheduler.init_noise_sigma
        both = torch.cat([text, text])
        for t in pipe.scheduler.timesteps:
            scaled = pipe.scheduler.scale_model_input(x, t)
            one = torch.cat([scaled, beside], 1)
            weak, strong = pipe.unet(torch.cat([one, one]), t, encoder_hidden_states=both).sample.chunk(2)
            x = pipe.scheduler.step(weak + self.guidance * (strong - weak), t, x).prev_sample
        images = pipe.vae.decode(x / scaling).sample
        return pipe.image_processor.postprocess(images, output_type="np")


def ours(program, model, task, batch, arguments):
    command = [program, str(model), "--task", task, "--batch", str(batch), "--steps", str(arguments.steps),
               "--guidance", str(arguments.guidance), "--rounds", str(arguments.rounds)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def models_of(task, folder):
    name = TASKS[task][0]
    if name is not None:
        return [ROOT / "tests" / "golden" / "models" / name]
    models = sorted((p.parent.parent for p in ROOT.glob("experiments/mini/models/*/unet/config.json")),
                    key=lambda folder: (len(folder.name), folder.name))
    return models or draw_models(folder)


def compare(arguments, model, task, batch):
    peer = Diffusers(model, task, arguments)
    peer.round(batch)
    best_peer, best_ours = 0.0, 0.0
    for _ in range(TURNS):
        best_ours = max(best_ours, ours(arguments.program, model, task, batch, arguments)["images_per_second"])
        best_peer = max([best_peer] + [peer.round(batch) for _ in range(arguments.rounds)])
    parameters = sum(p.numel() for p in peer.pipe.unet.parameters())
    return {"task": task, "model": pathlib.Path(model).name, "unet_parameters": parameters, "batch": batch,
            "isocost_images_per_second": best_ours, "diffusers_images_per_second": best_peer,
            "ratio": best_ours / best_peer}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    parser.add_argument("--task", nargs="*", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--batch", nargs="*", type=int, default=[8, 64])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.json:
            print(f"{'task':<15}{'model':<14}{'U-Net':>12}{'batch':>7}{'isocost':>12}{'diffusers':>12}{'ratio':>8}   images a second")
        for task in arguments.task:
            for model in arguments.models or models_of(task, pathlib.Path(folder)):
                for batch in arguments.batch:
                    row = compare(arguments, model, task, batch)
                    if arguments.json:
                        print(json.dumps(row), flush=True)
                    else:
                        print(f"{row['task']:<15}{row['model']:<14}{row['unet_parameters']:>12,}{row['batch']:>7}"
                              f"{row['isocost_images_per_second']:>12.1f}{row['diffusers_images_per_second']:>12.1f}"
                              f"{row['ratio']:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
