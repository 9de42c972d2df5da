"""An installed diffusers opens the mini family and draws the pictures that isocost draws.

    mini_in_diffusers.py ISOCOST_WORKER MAKE_REFERENCE MODEL...

Makes a reference of each model with diffusers (script/reference/make_reference.py, as a user would) and has
`isocost-worker verify` compare: token ids, text states, network outputs, latents and pictures.
"""
import pathlib
import subprocess
import sys
import tempfile

worker, make_reference, *models = sys.argv[1:]
for model in models:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, make_reference, model, "--out", folder, "--guidance", "3",
                        "--prompt", "a small red circle left of a large blue square on a grey background",
                        "--sampler", "ddim:trailing:6", "--sampler", "ddpm:trailing:6", "--sampler", "dpmpp-2m:trailing:6"],
                       check=True)
        done = subprocess.run([worker, "verify", model, "--reference", folder])
        if done.returncode != 0:
            sys.exit(f"{pathlib.Path(model).name}: isocost-worker verify says {done.returncode} against diffusers")
