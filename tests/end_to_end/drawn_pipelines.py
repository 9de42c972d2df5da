"""Pipelines that nobody chose: small Stable Diffusion pipelines drawn at random, saved by diffusers, a reference of each
made as a user makes one (script/reference/make_reference.py), and `isocost-worker verify` on it.

    drawn_pipelines.py ISOCOST_WORKER MAKE_REFERENCE [--first SEED] [--count N] [--keep FOLDER]

A seed draws one pipeline: numbers of blocks, widths, layers, heads, kinds of attention, norms, projections, dtypes, the
autoencoder's shape, the text encoder's, the tokenizer's files, the scheduler and its options, the prompts and samplers.
The seeds are printed; a seed that fails here fails alone with --first SEED --count 1.
"""
import argparse
import importlib.util
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import warnings
import zlib

warnings.filterwarnings("ignore")
import diffusers  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

diffusers.utils.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"


def draw_weights(module, seed, dtype):
    """Normal, scaled by the fan-in, so that activations keep their size; rounded to the dtype they are stored in."""
    for name, parameter in module.named_parameters():
        generator = torch.Generator().manual_seed(zlib.crc32(f"{seed}.{name}".encode()))
        value = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() > 1:
            value /= parameter[0].numel() ** 0.5
        elif "norm" in name and name.endswith("weight"):
            value = 1 + 0.2 * value
        else:
            value *= 0.1
        with torch.no_grad():
            parameter.copy_(value)
    return module.to(dtype)


def divisors(number, among):
    return [one for one in among if number % one == 0]


def draw_unet(chance, latent_channels, context):
    blocks = chance.choice([1, 2, 3, 4])
    base = chance.choice([8, 16, 24, 32])
    widths = [base] + [base * chance.choice([1, 2, 2, 3]) for _ in range(blocks - 1)]
    heads = [chance.choice(divisors(width, (1, 2, 4, 8))) for width in widths]
    shared_heads = [one for one in (1, 2, 4, 8) if all(width % one == 0 for width in widths)]
    attends = [chance.random() < 0.7 for _ in widths]
    attends_up = [one if chance.random() < 0.9 else not one for one in reversed(attends)]
    each = lambda values: tuple(chance.choice(values) for _ in widths)  # noqa: E731
    return diffusers.UNet2DConditionModel(
        sample_size=chance.choice([8, 12, 16]), in_channels=latent_channels, out_channels=latent_channels,
        block_out_channels=tuple(widths),
        down_block_types=tuple("CrossAttnDownBlock2D" if one else "DownBlock2D" for one in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if one else "UpBlock2D" for one in attends_up),
        mid_block_type=chance.choice(["UNetMidBlock2DCrossAttn", "UNetMidBlock2DCrossAttn", None]),
        layers_per_block=chance.choice([1, 2, each([1, 2])]),
        transformer_layers_per_block=chance.choice([1, 1, 2, each([1, 2])]),
        attention_head_dim=chance.choice([chance.choice(shared_heads), tuple(heads)]),
        only_cross_attention=chance.choice([False, False, True, each([False, True])]),
        cross_attention_dim=context, norm_num_groups=chance.choice([2, 4, 8]), norm_eps=chance.choice([1e-5, 1e-6, 1e-4]),
        use_linear_projection=chance.random() < 0.5, upcast_attention=chance.random() < 0.3,
        center_input_sample=chance.random() < 0.2, flip_sin_to_cos=chance.random() < 0.8, freq_shift=chance.choice([0, 0, 1]),
        mid_block_scale_factor=chance.choice([1, 1, 1.5]), resnet_out_scale_factor=chance.choice([1, 1, 1.25]),
        conv_in_kernel=chance.choice([3, 3, 1, 5]), conv_out_kernel=chance.choice([3, 3, 1, 5]),
        time_embedding_dim=chance.choice([None, None, 48]))


def draw_autoencoder(chance, latent_channels):
    levels = chance.choice([1, 2, 3])
    return diffusers.AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=latent_channels, sample_size=32,
        block_out_channels=tuple(chance.choice([8, 16, 24]) for _ in range(levels)),
        down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=chance.choice([1, 2]), norm_num_groups=chance.choice([2, 4]),
        scaling_factor=chance.choice([0.18215, 0.13, 1.0]), shift_factor=chance.choice([None, None, 0.1]),
        use_quant_conv=chance.random() < 0.8, use_post_quant_conv=chance.random() < 0.8,
        mid_block_add_attention=chance.random() < 0.7)


def draw_text_encoder(chance, context, tokenizer):
    return transformers.CLIPTextModel(transformers.CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=context, intermediate_size=chance.choice([2, 3, 4]) * context,
        num_hidden_layers=chance.choice([1, 2, 3]), num_attention_heads=chance.choice(divisors(context, (1, 2, 4, 8))),
        max_position_embeddings=77, hidden_act=chance.choice(["quick_gelu", "gelu"]),
        layer_norm_eps=chance.choice([1e-5, 1e-6]), projection_dim=chance.choice([context, 24]),
        bos_token_id=tokenizer.bos_token_id, eos_token_id=chance.choice([2, tokenizer.eos_token_id]), pad_token_id=1))


def draw_scheduler(chance):
    options = dict(
        num_train_timesteps=chance.choice([1000, 1000, 1000, 500]), beta_start=chance.choice([0.00085, 0.0001]),
        beta_end=chance.choice([0.012, 0.02]), beta_schedule=chance.choice(["scaled_linear", "linear", "squaredcos_cap_v2"]),
        prediction_type=chance.choice(["epsilon", "v_prediction", "sample"]))
    kind = chance.choice(["DDIMScheduler", "DDPMScheduler", "PNDMScheduler", "DPMSolverMultistepScheduler"])
    if kind in ("DDIMScheduler", "PNDMScheduler"):
        options.update(steps_offset=chance.choice([0, 1]), set_alpha_to_one=chance.random() < 0.5)
    if kind in ("DDIMScheduler", "DDPMScheduler"):
        options.update(clip_sample=chance.random() < 0.5, clip_sample_range=chance.choice([1.0, 2.0]),
                       thresholding=chance.random() < 0.2, sample_max_value=chance.choice([1.0, 2.0]))
        if options["prediction_type"] != "epsilon":
            options["rescale_betas_zero_snr"] = chance.random() < 0.5
    if kind == "PNDMScheduler":
        options["skip_prk_steps"] = True
        if options["prediction_type"] == "sample":
            options["prediction_type"] = "epsilon"
    if kind == "DPMSolverMultistepScheduler":
        options.update(solver_order=chance.choice([1, 2]), solver_type=chance.choice(["midpoint", "heun"]),
                       euler_at_final=chance.random() < 0.3, lower_order_final=chance.random() < 0.7,
                       final_sigmas_type=chance.choice(["zero", "sigma_min"]))
    if chance.random() < 0.5:
        options["timestep_spacing"] = chance.choice(["leading", "trailing", "linspace"])
    return getattr(diffusers, kind)(**options)


def draw_pipeline(chance, seed, folder):
    latent_channels, context = chance.choice([4, 4, 8]), chance.choice([32, 40, 48, 64])
    slow_tokenizer = GOLDEN / "models" / "bk-tiny" / "tokenizer"
    tokenizer = transformers.CLIPTokenizer.from_pretrained(slow_tokenizer)
    dtype = chance.choice([torch.float16, torch.float32, torch.bfloat16])
    parts = {"unet": draw_unet(chance, latent_channels, context), "vae": draw_autoencoder(chance, latent_channels),
             "text_encoder": draw_text_encoder(chance, context, tokenizer)}
    parts = {name: draw_weights(part, f"{seed}.{name}", dtype) for name, part in parts.items()}
    diffusers.StableDiffusionPipeline(
        tokenizer=tokenizer, scheduler=draw_scheduler(chance), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False, **parts).save_pretrained(folder)
    if chance.random() < 0.5:  # the files of older libraries instead of tokenizer.json
        shutil.rmtree(folder / "tokenizer")
        shutil.copytree(slow_tokenizer, folder / "tokenizer")


def draw_reference_options(chance):
    samplers = set()
    for name in ("ddim", "ddpm", "dpmpp-2m"):
        for _ in range(2):
            spacing = chance.choice(["leading", "trailing", "linspace", ""] + (["karras"] if name == "dpmpp-2m" else []))
            samplers.add(":".join(part for part in (name, spacing, str(chance.choice([3, 4, 5, 7, 10, 20]))) if part))
    words = ["--prompt", chance.choice(["a photo of a cat!", "red, the table 42 it's", "ok"]),
             "--guidance", str(chance.choice([1.0, 3.0, 7.5]))]
    if chance.random() < 0.4:
        words += ["--negative-prompt", "bad picture"]
    if chance.random() < 0.3:
        words += ["--size", str(chance.choice([24, 40, 56]))]
    for sampler in sorted(samplers):
        words += ["--sampler", sampler]
    return words


class ReferenceFailed(Exception):
    pass


def try_seed(seed, arguments, make_reference, root):
    """Empty where all agrees, else what does not."""
    folder = root / f"drawn-{seed}"
    draw_pipeline(random.Random(seed), seed, folder)
    options = draw_reference_options(random.Random(seed + 1_000_003))
    try:
        make_reference.main([str(folder), *options])
    except IndexError as error:
        if not any("karras" in option for option in options):
            raise
        # Where Karras sigmas round to one first timestep twice, diffusers begins at the second and runs out of sigmas.
        raise ReferenceFailed(f"diffusers cannot run what was drawn: {error}") from error
    done = subprocess.run([arguments.worker, "verify", str(folder), "--json"], capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    if not done.stdout.startswith("{"):
        return f"isocost-worker verify ended with {done.returncode}: {done.stderr.strip()}"
    said = json.loads(done.stdout)
    outside = [f"{item['item']} {item['output']}: {item['difference']:.3g} > {item['tolerance']:.3g}"
               for item in said["items"] if not item["within"]]
    return "\n  ".join(["", *outside, *map(str, said["faults"]), *map(str, said["not_built"])])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worker")
    parser.add_argument("make_reference", type=pathlib.Path)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--keep", type=pathlib.Path, help="leave the pipelines in this folder")
    arguments = parser.parse_args()
    spec = importlib.util.spec_from_file_location("make_reference", arguments.make_reference)
    make_reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_reference)
    failed, not_compared = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(arguments.first, arguments.first + arguments.count):
            try:
                fault = try_seed(seed, arguments, make_reference, arguments.keep or pathlib.Path(scratch))
            except ReferenceFailed as error:
                print(f"seed {seed}: not compared, {error}", flush=True)
                not_compared.append(seed)
                continue
            print(f"seed {seed}: {fault or 'agrees'}", flush=True)
            failed += [seed] if fault else []
    if len(not_compared) * 10 > arguments.count:
        sys.exit(f"diffusers cannot run the pipelines of the seeds {not_compared}; expected a tenth of all at most")
    if failed:
        sys.exit(f"isocost-worker does not agree with diffusers on the pipelines of the seeds {failed}")


if __name__ == "__main__":
    main()
