"""Models as users have them: what isocost loads of them, and draws, is what an installed diffusers loads and draws.

    inputs_in_diffusers.py ISOCOST_WORKER MAKE_REFERENCE MODEL

Makes models out of MODEL (a folder of the mini family): words of textual inversion in both forms in which they are
stored, one of them of several vectors; weights in several files, shards, variants and spellings beside each other.
A reference is made of each with diffusers (script/reference/make_reference.py), and `isocost-worker verify` compares
token ids, text states, network outputs, latents and pictures.
"""
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

WORKER, MAKE_REFERENCE, MODEL = sys.argv[1:]
UNET, VAE, TEXT = "unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"
PROMPT = "a <cat-toy> left of a circle, <Dog> right"


def read(path):
    """{name: (dtype, shape, bytes)} of a safetensors file."""
    data = path.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    header.pop("__metadata__", None)
    return {name: (one["dtype"], one["shape"], data[8 + n + one["data_offsets"][0]:8 + n + one["data_offsets"][1]])
            for name, one in header.items()}


def write(path, tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def single(model, base, variant=""):
    return model / f"{base}{variant and '.' + variant}.safetensors"


def zeros(tensors):
    return {name: (dtype, shape, bytes(len(content))) for name, (dtype, shape, content) in tensors.items()}


def add_tokens(model, words, in_configuration):
    """Words behind the vocabulary, each with a row of its own in the text encoder."""
    first = len(json.loads((model / "tokenizer/vocab.json").read_text()))
    ids = {word: first + i for i, word in enumerate(words)}
    if in_configuration:
        file = model / "tokenizer/tokenizer_config.json"
        config = json.loads(file.read_text())
        base = json.loads((model / "tokenizer/vocab.json").read_text())
        entry = lambda word, special: {"content": word, "lstrip": False, "normalized": not special, "rstrip": False,
                                       "single_word": False, "special": special}
        config["added_tokens_decoder"] = {str(base[word]): entry(word, True) for word in ("<|startoftext|>", "<|endoftext|>")}
        config["added_tokens_decoder"] |= {str(number): entry(word, False) for word, number in ids.items()}
        file.write_text(json.dumps(config))
    else:
        (model / "tokenizer/added_tokens.json").write_text(json.dumps(ids))
    tensors = read(single(model, TEXT))
    name = next(name for name in tensors if name.endswith("token_embedding.weight"))
    dtype, (rows, width), content = tensors[name]
    size = len(content) // rows
    content += b"".join(content[(20 + 7 * i) * size:(21 + 7 * i) * size] for i in range(len(words)))
    tensors[name] = (dtype, [rows + len(words), width], content)
    write(single(model, TEXT), tensors)
    config = json.loads((model / "text_encoder/config.json").read_text())
    config["vocab_size"] = rows + len(words)
    (model / "text_encoder/config.json").write_text(json.dumps(config))


def shard(model, base, tensors, part, index):
    folder, names, weight_map = (model / base).parent, sorted(tensors), {}
    for i, half in enumerate((names[::2], names[1::2]), 1):
        weight_map |= {name: part % i for name in half}
        write(folder / (part % i), {name: tensors[name] for name in half})
    (folder / index).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def words_in_a_file(model):
    add_tokens(model, ["<cat-toy>", "<cat-toy>_1", "<cat-toy>_2", "<dog>"], False)


def words_in_the_configuration(model):
    add_tokens(model, ["<dog>", "<cat-toy>", "<cat-toy>_1"], True)


def shards_beside_single_files(model):
    """diffusers takes the shards of U-Net and autoencoder, transformers the single file of the text encoder."""
    for base in (UNET, VAE, TEXT):
        name, tensors = base.split("/")[1], read(single(model, base))
        loaded_from_shards = base != TEXT
        shard(model, base, tensors if loaded_from_shards else zeros(tensors), name + "-%05d-of-00002.safetensors",
              name + ".safetensors.index.json")
        if loaded_from_shards:
            write(single(model, base), zeros(tensors))


def a_variant_of_some_components(model):
    """The U-Net has the variant, in shards of the newer spelling; the others are loaded plain."""
    tensors = read(single(model, UNET))
    write(single(model, UNET), zeros(tensors))
    shard(model, UNET, tensors, "diffusion_pytorch_model.fp16-%05d-of-00002.safetensors",
          "diffusion_pytorch_model.safetensors.index.fp16.json")


def a_variant_in_older_spellings(model):
    for base, index in ((UNET, "diffusion_pytorch_model.safetensors.index.fp16.json"),
                        (VAE, "diffusion_pytorch_model.safetensors.fp16.index.json")):
        tensors = read(single(model, base))
        single(model, base).unlink()
        shard(model, base, tensors, "diffusion_pytorch_model-%05d-of-00002.fp16.safetensors", index)
    single(model, TEXT).rename(single(model, TEXT, "fp16"))


CASES = {words_in_a_file: None, words_in_the_configuration: None, shards_beside_single_files: None,
         a_variant_of_some_components: "fp16", a_variant_in_older_spellings: "fp16"}
MODEL_PATH = pathlib.Path(MODEL)
faults = []
for make, variant in CASES.items():
    with tempfile.TemporaryDirectory(prefix="isocost-inputs") as scratch:
        model, reference = pathlib.Path(scratch) / "model", pathlib.Path(scratch) / "reference"
        shutil.copytree(MODEL_PATH, model)
        make(model)
        subprocess.run([sys.executable, MAKE_REFERENCE, str(model), "--out", str(reference), "--guidance", "3", "--prompt",
                        PROMPT, "--negative-prompt", "<cat-toy>", "--sampler", "ddim:trailing:4"]
                       + (["--variant", variant] if variant else []), check=True)
        done = subprocess.run([WORKER, "verify", str(model), "--reference", str(reference)], capture_output=True, text=True)
        print(make.__name__, done.returncode)
        if done.returncode != 0:
            faults.append(f"{make.__name__}: isocost-worker verify says {done.returncode} against diffusers\n"
                          f"{done.stdout}{done.stderr}")
sys.exit("\n".join(faults) or 0)
