"""An installed diffusers opens every member of the mini family and computes what isocost computes.

    mini_in_diffusers.py ISOCOST_WORKER MAKE_REFERENCE MODELS

Makes a reference of each member in the folder MODELS with diffusers (script/reference/make_reference.py, as a user
would) and has `isocost-worker verify` compare: token ids, text states and network outputs of all, latents and pictures
of those that draw from text alone. Snapshots are held against diffusers by one sampler.
"""
import importlib.util
import pathlib
import subprocess
import sys
import tempfile

import diffusers

worker, make_reference, models = sys.argv[1:]
spec = importlib.util.spec_from_file_location("make_reference", make_reference)
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)

members = sorted(file.parent for file in pathlib.Path(models).glob("*/model_index.json"))
if not members:
    sys.exit(f"{models}: no folder in it holds a model_index.json")
failed = []
for model in members:
    # By the class that the member names for itself.
    pipe = diffusers.DiffusionPipeline.from_pretrained(model, local_files_only=True)
    channels = pipe.unet.config.in_channels
    if channels == pipe.vae.config.latent_channels:
        samplers = ["ddim:trailing:6"] if "@" in model.name else ["ddim:trailing:6", "ddpm:trailing:6", "dpmpp-2m:trailing:6"]
        runs = [word for sampler in samplers for word in ("--sampler", sampler)]
    else:
        runs = ["--units-only"]
    with tempfile.TemporaryDirectory() as folder:
        reference.main([str(model), "--out", folder, "--guidance", "3",
                        "--prompt", "a small red circle left of a large blue square on a grey background"] + runs)
        if subprocess.run([worker, "verify", model, "--reference", folder]).returncode != 0:
            failed.append(model.name)
    print(f"{model.name}: {type(pipe).__name__}, {channels} channels: {'differs' if model.name in failed else 'equal'}")
if failed:
    sys.exit(f"isocost-worker verify finds a difference to diffusers in {', '.join(failed)}")
