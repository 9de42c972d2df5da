"""Writes a reference for `isocost-worker verify` from any Stable Diffusion folder, with your own diffusers.

    python make_reference.py MODEL --out MODEL/golden [--sampler ddim:trailing:20 ...] [--prompt TEXT] [--size 512]

Runs tokenizer, text encoder, U-Net and autoencoder once each and the text-to-image pipeline once a sampler, on the CPU
in float32, and stores every input, noise draw and output: expected.json says what was computed, expected.safetensors
holds the tensors. Everything runs a second time in float64; the tolerance of an output is 20 times the difference
(at least 1e-5 for single networks, 1e-4 for whole runs), so it follows from how far rounding alone carries.

Needs diffusers, transformers, torch and safetensors. Large models: --units-only, or --skip-float64 with a fixed
tolerance (--tolerance), since float64 doubles memory and time.
"""
import argparse
import contextlib
import copy
import importlib
import json
import pathlib
import sys

import diffusers
import torch
import transformers
from safetensors.torch import save_file

SAMPLERS = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {"variance_type": "fixed_small"}),
    "euler": ("EulerDiscreteScheduler", {}),
    "dpmpp-2m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}),
}


def parse_arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, help="a diffusers pipeline folder")
    parser.add_argument("--out", type=pathlib.Path, help="where to write (default MODEL/golden)")
    parser.add_argument("--sampler", action="append", metavar="NAME[:SPACING]:STEPS",
                        help=f"one of {', '.join(SAMPLERS)}; spacing leading, trailing, linspace or karras")
    parser.add_argument("--prompt", default="a photo of a red cat on the table")
    parser.add_argument("--negative-prompt", default=None)
    parser.add_argument("--guidance", type=float, default=7.5)
    parser.add_argument("--size", type=int, help="of the picture in pixels (default: the model's own)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--variant", help="of the weights, such as fp16; they are computed with in float32")
    parser.add_argument("--units-only", action="store_true", help="no sampling runs")
    parser.add_argument("--skip-float64", action="store_true")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="with --skip-float64: of every output")
    return parser.parse_args(words)


class Reference:
    """Collects tensors and entries, and turns float64 repeats into tolerances."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.tensors = {}
        self.units = []
        self.runs = []

    def store(self, name, tensor):
        self.tensors[name] = tensor.detach().to(torch.float32 if tensor.is_floating_point() else tensor.dtype).contiguous().clone()
        return name

    def tolerances(self, outputs, repeats, floor):
        differences, tolerances = {}, {}
        for name, value in outputs.items():
            if isinstance(value, dict):
                differences[name], tolerances[name] = self.tolerances(value, repeats[name] if repeats else None, floor)
            elif not torch.is_floating_point(value):
                continue
            elif repeats is None:
                tolerances[name] = self.arguments.tolerance
            else:
                difference = (value.double() - repeats[name].double()).abs().max().item()
                differences[name] = difference
                tolerances[name] = float(f"{max(floor, 20 * difference):.3g}")
        return differences, tolerances

    def unit(self, entry, prefix, outputs, repeats):
        differences, tolerances = self.tolerances(outputs, repeats, 1e-5)
        entry["outputs"] = {name: self.store(f"{prefix}.{name}", value) for name, value in outputs.items()}
        entry["fp64_diff"], entry["tolerance"] = differences, tolerances
        self.units.append(entry)

    def write(self, out, case):
        out.mkdir(parents=True, exist_ok=True)
        expected = {
            "format": 1, "case": case, "kind": "diffusers", "about": "made by make_reference.py",
            "made_with": {"diffusers": diffusers.__version__, "transformers": transformers.__version__,
                          "torch": torch.__version__, "device": "cpu", "compute_dtype": "float32"},
            "variant": self.arguments.variant, "units": self.units, "runs": self.runs,
        }
        save_file(self.tensors, out / "expected.safetensors")
        (out / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")
        print(f"{out}: {len(self.units)} units, {len(self.runs)} runs, {len(self.tensors)} tensors")


def noise(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)


def in_both_precisions(arguments, module, compute):
    """compute(module, dtype) in float32, and in float64 unless that was declined."""
    outputs = compute(module, torch.float32)
    if arguments.skip_float64:
        return outputs, None
    return outputs, compute(copy.deepcopy(module).to(torch.float64), torch.float64)


def add_units(reference, pipe, arguments, size):
    prompts = [arguments.prompt, arguments.negative_prompt or ""]
    ids = pipe.tokenizer(prompts, padding="max_length", truncation=True, max_length=pipe.tokenizer.model_max_length,
                         return_tensors="pt").input_ids
    reference.unit({"id": "tokenizer", "kind": "tokenizer", "component": "tokenizer", "prompts": prompts},
                   "tokenizer", {"input_ids": ids}, None)

    def text(module, _):
        output = module(ids)
        return {"last_hidden_state": output.last_hidden_state, "pooled": output.pooler_output}

    outputs, repeats = in_both_precisions(arguments, pipe.text_encoder, text)
    reference.unit({"id": "text_encoder", "kind": "text", "component": "text_encoder", "prompts": prompts,
                    "inputs": {"input_ids": reference.store("in.text_encoder.ids", ids)},
                    "with": {"clip_skip": [], "penultimate": False}}, "text_encoder", outputs, repeats)

    latent = size // pipe.vae_scale_factor
    sample = noise(arguments.seed + 1, 2, pipe.unet.config.in_channels, latent, latent)
    states = outputs["last_hidden_state"]
    timesteps = [999, 500, 1]

    def unet(module, dtype):
        return {f"out_t{t}": module(sample.to(dtype), t, states.to(dtype)).sample for t in timesteps}

    unet_outputs, repeats = in_both_precisions(arguments, pipe.unet, unet)
    reference.unit({"id": "unet", "kind": "unet", "component": "unet",
                    "inputs": {"sample": reference.store("in.unet.sample", sample),
                               "encoder_hidden_states": "text_encoder.last_hidden_state"},
                    "with": {"timesteps": timesteps}}, "unet", unet_outputs, repeats)

    image = noise(arguments.seed + 2, 1, 3, size, size).clamp(-1, 1)
    z = noise(arguments.seed + 3, 1, pipe.vae.config.latent_channels, latent, latent)

    def vae(module, dtype):
        posterior = module.encode(image.to(dtype)).latent_dist
        return {"mean": posterior.mean, "logvar": posterior.logvar, "decoded": module.decode(z.to(dtype)).sample}

    vae_outputs, repeats = in_both_precisions(arguments, pipe.vae, vae)
    reference.unit({"id": "vae", "kind": "vae", "component": "vae",
                    "inputs": {"image": reference.store("in.vae.image", image), "z": reference.store("in.vae.z", z)}},
                   "vae", vae_outputs, repeats)


@contextlib.contextmanager
def recorded_draws(scheduler, draws):
    """Every noise draw of the scheduler goes into `draws`; a repeat takes them from there."""
    module = importlib.import_module(type(scheduler).__module__)
    if not hasattr(module, "randn_tensor"):
        yield
        return
    original, taken, is_repeat = module.randn_tensor, iter(list(draws)), bool(draws)

    def draw(shape, generator=None, device=None, dtype=None, layout=None):
        if is_repeat:
            return next(taken).to(dtype)
        value = noise(1_000_003 + len(draws), *shape)
        draws.append(value)
        return value.to(dtype)

    module.randn_tensor = draw
    try:
        yield
    finally:
        module.randn_tensor = original


def make_scheduler(stored, name, spacing):
    class_name, options = SAMPLERS[name]
    options = dict(options)
    if spacing == "karras":
        options["use_karras_sigmas"] = True
    elif spacing:
        options["timestep_spacing"] = spacing
    return getattr(diffusers, class_name).from_config(stored, **options)


def run_pipeline(pipe, arguments, scheduler, steps, latents, draws, size, dtype):
    pipe.scheduler = scheduler
    after, timesteps = {}, []

    def on_step(_, index, timestep, values):
        after[index] = values["latents"].clone()
        timesteps.append(float(timestep))
        return values

    with recorded_draws(scheduler, draws):
        result = pipe(prompt=arguments.prompt, negative_prompt=arguments.negative_prompt, num_inference_steps=steps,
                      guidance_scale=arguments.guidance, height=size, width=size, latents=latents.to(dtype),
                      output_type="latent", callback_on_step_end=on_step)
    final = result.images
    decoded = pipe.vae.decode(final / pipe.vae.config.scaling_factor).sample
    half = len(timesteps) // 2
    return {"latents": final, "image": (decoded / 2 + 0.5).clamp(0, 1),
            "latents_after_call": {str(half): after[half]}}, timesteps


def add_run(reference, pipe, pipe64, arguments, stored, text, size):
    parts = text.split(":")
    name, spacing, steps = parts[0], (parts[1] if len(parts) == 3 else None), int(parts[-1])
    if name not in SAMPLERS:
        sys.exit(f"--sampler {text}: '{name}' is unknown; expected one of {', '.join(SAMPLERS)}")
    scheduler = make_scheduler(stored, name, spacing)
    latent = size // pipe.vae_scale_factor
    latents = noise(arguments.seed, 1, pipe.unet.config.in_channels, latent, latent)
    draws = []
    outputs, timesteps = run_pipeline(pipe, arguments, scheduler, steps, latents, draws, size, torch.float32)
    repeats = None
    if pipe64 is not None:
        again = make_scheduler(stored, name, spacing)
        repeats, _ = run_pipeline(pipe64, arguments, again, steps, latents, draws, size, torch.float64)
    run = "-".join(part for part in (name, spacing, str(steps)) if part)
    differences, tolerances = reference.tolerances(outputs, repeats, 1e-4)
    # An infinite bound has no JSON text; a missing key means the same default.
    config = {key: value for key, value in dict(scheduler.config).items()
              if not key.startswith("_") and value not in (float("inf"), float("-inf"))}
    reference.runs.append({
        "id": run, "task": "text-to-image", "sampler": name, "steps": steps, "guidance_scale": arguments.guidance,
        "prompt": arguments.prompt, "negative_prompt": arguments.negative_prompt, "height": size, "width": size,
        "scheduler": {"class": type(scheduler).__name__, "config": config}, "pipeline": type(pipe).__name__,
        "inputs": {"latents": reference.store(f"in.noise.{latent}", latents)},
        "init_noise_sigma": float(scheduler.init_noise_sigma), "model_timesteps": timesteps,
        "draws": [{"role": "step", "after_model_calls": k + 1, "tensor": reference.store(f"{run}.draw.{k}", draw)}
                  for k, draw in enumerate(draws)],
        "outputs": {"latents": reference.store(f"{run}.latents", outputs["latents"]),
                    "image": reference.store(f"{run}.image", outputs["image"]),
                    "latents_after_call": {k: reference.store(f"{run}.after.{k}", value)
                                           for k, value in outputs["latents_after_call"].items()}},
        "fp64_diff": differences, "tolerance": tolerances,
    })


@torch.no_grad()
def main(words=None):
    arguments = parse_arguments(words)
    if not (arguments.model / "model_index.json").is_file():
        sys.exit(f"{arguments.model}: model_index.json is missing; expected a diffusers pipeline folder")
    torch.set_num_threads(1)
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(
        arguments.model, safety_checker=None, requires_safety_checker=False, local_files_only=True,
        torch_dtype=torch.float32, variant=arguments.variant)
    pipe.set_progress_bar_config(disable=True)
    sample_size = pipe.unet.config.sample_size or 64
    size = arguments.size or -(-sample_size * pipe.vae_scale_factor // 8) * 8  # the pipeline takes multiples of 8 alone
    stored = dict(pipe.scheduler.config)
    reference = Reference(arguments)
    add_units(reference, pipe, arguments, size)
    if not arguments.units_only:
        pipe64 = None
        if not arguments.skip_float64:
            pipe64 = diffusers.StableDiffusionPipeline(
                **{name: copy.deepcopy(module).to(torch.float64) if isinstance(module, torch.nn.Module) else module
                   for name, module in pipe.components.items()}, requires_safety_checker=False)
            pipe64.set_progress_bar_config(disable=True)
        for text in arguments.sampler or ["ddim:10", "ddpm:10", "dpmpp-2m:10", "dpmpp-2m:karras:10", "euler:10"]:
            add_run(reference, pipe, pipe64, arguments, stored, text, size)
    reference.write(arguments.out or arguments.model / "golden", arguments.model.name)


if __name__ == "__main__":
    main()
