"""Makes weight_choices.json: which of several weight files in a folder diffusers and transformers load.

    pip install diffusers==0.42.1 transformers==5.23.0 && python make_weight_choices.py

A case is the weights that lie in a component's folder, each by its label below, the variant that is asked for (null:
none), what the library loaded ("" where it fails), and whether a pipeline would ask this component for the variant.
Which weights were loaded tells a constant that fills each of them.
"""
import json
import pathlib
import random
import tempfile
import warnings

import torch
from diffusers import AutoencoderKL
from diffusers.pipelines.pipeline_loading_utils import _identify_model_variants
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
# label -> (single file) or (index, pattern of the parts); BASE stands for the library's name
FILES = {"plain": "BASE.safetensors", "fp16": "BASE.fp16.safetensors", "non_ema": "BASE.non_ema.safetensors",
         "bin": "PICKLE.bin", "fp16 bin": "PICKLE.fp16.bin",
         "index": ("BASE.safetensors.index.json", "BASE-%05d-of-00002.safetensors"),
         "fp16 index": ("BASE.safetensors.index.fp16.json", "BASE.fp16-%05d-of-00002.safetensors"),
         "fp16 index, older parts": ("BASE.safetensors.index.fp16.json", "BASE-%05d-of-00002.fp16.safetensors"),
         "fp16 older index": ("BASE.safetensors.fp16.index.json", "BASE-%05d-of-00002.fp16.safetensors")}


def vae():
    return AutoencoderKL(block_out_channels=(4,), norm_num_groups=2, down_block_types=("DownEncoderBlock2D",),
                         up_block_types=("UpDecoderBlock2D",), latent_channels=1)


def text():
    return CLIPTextModel(CLIPTextConfig(hidden_size=4, intermediate_size=4, num_hidden_layers=1, num_attention_heads=1,
                                        vocab_size=8, max_position_embeddings=4))


LIBRARIES = {"diffusers": (vae, AutoencoderKL, "diffusion_pytorch_model", "diffusion_pytorch_model"),
             "transformers": (text, CLIPTextModel, "model", "pytorch_model")}


def write(folder, label, number, tensors, base, pickle):
    named = lambda name: name.replace("BASE", base).replace("PICKLE", pickle)
    state = {name: torch.full_like(tensor, number) if tensor.is_floating_point() else tensor.clone()
             for name, tensor in tensors.items()}
    form = FILES[label]
    if isinstance(form, str):
        if form.endswith(".bin"):
            torch.save(state, folder / named(form))
        else:
            save_file(state, folder / named(form), {"format": "pt"})
        return
    index, part = form
    names, mapping = sorted(state), {}
    for i, half in enumerate((names[::2], names[1::2]), 1):
        mapping |= {name: named(part) % i for name in half}
        save_file({name: state[name] for name in half}, folder / (named(part) % i), {"format": "pt"})
    (folder / named(index)).write_text(json.dumps({"metadata": {}, "weight_map": mapping}))


def main():
    chance, cases = random.Random(20261128), []
    # The two spellings of parts lie in one index, or share their names: one of them a folder.
    exclusive = {"fp16 index": {"fp16 index, older parts"}, "fp16 index, older parts": {"fp16 index", "fp16 older index"},
                 "fp16 older index": {"fp16 index, older parts"}}
    for library, (make, model_class, base, pickle) in LIBRARIES.items():
        model = make()
        tensors = model.state_dict()
        seen = set()
        while len(seen) < 90:
            labels = []
            for label in chance.sample(sorted(FILES), chance.randint(1, 4)):
                if not exclusive.get(label, set()) & set(labels):
                    labels.append(label)
            variant = chance.choice([None, "fp16", "non_ema"])
            if (tuple(sorted(labels)), variant) in seen:
                continue
            seen.add((tuple(sorted(labels)), variant))
            with tempfile.TemporaryDirectory(prefix="weights") as scratch:
                folder = pathlib.Path(scratch) / "part"
                folder.mkdir()
                model.config.save_pretrained(folder) if library == "transformers" else model.save_config(folder)
                for label in labels:
                    write(folder, label, 1 + sorted(FILES).index(label), tensors, base, pickle)
                try:
                    found = model_class.from_pretrained(folder, variant=variant)
                    number = int(next(p for p in found.parameters()).detach().flatten()[0])
                    loaded = sorted(FILES)[number - 1]
                except Exception:
                    loaded = ""
                asks = variant and bool(_identify_model_variants(scratch, variant, {"part": []}))
            cases.append({"library": library, "there": sorted(labels), "variant": variant, "loaded": loaded,
                          "asks": bool(asks)})
    head = {"files": FILES, "bases": {name: [base, pickle] for name, (_, _, base, pickle) in LIBRARIES.items()}}
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "weight_choices.json").write_text(json.dumps(head)[:-1] + ', "cases": [\n' + lines + "\n]}\n")
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
