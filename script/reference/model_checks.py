#!/usr/bin/env python3
"""What diffusers and transformers make of a model's folder before they load weights: tests/golden/model_checks.json.

    ~/.cache/isocost/reference-venv/bin/python script/reference/model_checks.py > tests/golden/model_checks.json

- pipelines: of each class in diffusers that model_index.json may name, the pipeline that draws a picture from a text
  with that folder (AutoPipelineForText2Image), or null.
- members: what StableDiffusionPipeline does with a folder whose model_index.json has a member beside the usual ones.
- sample_sizes: the U-Net's sample_size once a pipeline was made around it.
- keys: the parameters of each class whose configuration is read here, with their defaults.
- clip_configs: what a CLIP folder's config.json means, where older files say things twice.
"""
import contextlib
import inspect
import io
import json
import logging
import os
import pathlib
import shutil
import tempfile
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")

import diffusers  # noqa: E402
import transformers  # noqa: E402
from diffusers.pipelines import auto_pipeline  # noqa: E402

MODEL = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/models/bk-tiny"
UNET_VERSIONS = ["0.6.0", "0.8.1", "0.8", "0.8.0rc1", "0.8.0.dev0", "v0.8.1", "0.8.1+local", "1!0.8", "0.9.0.dev0", "0.9.0rc1", "0.9",
                 "0.9.0", "0.10.2", "0.42.1", "1.0", None]
SAMPLE_SIZES = [8, 32, 63, 64, 96, [8, 8]]
MEMBERS = {"text_encoder_2": ["transformers", "CLIPTextModelWithProjection"], "tokenizer_2": ["transformers", "CLIPTokenizer"],
           "low_res_scheduler": ["diffusers", "DDPMScheduler"], "force_zeros_for_empty_prompt": True, "max_noise_level": 350,
           "text_encoder": [None, None], "tokenizer": [None, None], "unet": [None, None], "vae": [None, None], "_class_name": None}
CONFIGS = ["UNet2DConditionModel", "AutoencoderKL"]
SCHEDULERS = ["DDIMScheduler", "DDPMScheduler", "DEISMultistepScheduler", "DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler",
              "EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler", "HeunDiscreteScheduler", "KDPM2AncestralDiscreteScheduler",
              "KDPM2DiscreteScheduler", "LCMScheduler", "LMSDiscreteScheduler", "PNDMScheduler", "UniPCMultistepScheduler"]
TEXT = {"hidden_size": 32, "num_attention_heads": 4, "eos_token_id": 2, "hidden_act": "gelu"}
VISION = {"hidden_size": 48, "num_attention_heads": 4, "image_size": 32, "patch_size": 8}
CLIP_FILES = [{"text_config": TEXT, "vision_config": VISION},
              {"text_config": TEXT, "vision_config": VISION, "text_config_dict": None, "vision_config_dict": None},
              {"text_config": TEXT, "vision_config": VISION, "text_config_dict": {"hidden_size": 64},
               "vision_config_dict": {"hidden_size": 96, "num_attention_heads": 6}},
              {"text_config_dict": {"hidden_size": 64, "hidden_act": "gelu"}, "vision_config": VISION},
              {"text_config": None, "vision_config": None},
              {"projection_dim": 24}]


def edited(folder, file, changes):
    path = folder / file
    config = json.loads(path.read_text())
    config.update(changes)
    path.write_text(json.dumps({key: value for key, value in config.items() if key != "_class_name" or value is not None}))


def with_model(file, changes, look):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "model"
        shutil.copytree(MODEL, folder)
        edited(folder, file, changes)
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                return look(diffusers.StableDiffusionPipeline.from_pretrained(folder))
        except Exception:
            return None


def pipelines():
    found = {}
    for name in sorted(dir(diffusers)):
        kind = getattr(diffusers, name, None)
        if not name.endswith("Pipeline") or not inspect.isclass(kind):
            continue
        try:
            chosen = auto_pipeline._get_task_class(auto_pipeline.AUTO_TEXT2IMAGE_PIPELINES_MAPPING, name)
            found[name] = chosen.__name__ if chosen.__name__ == "StableDiffusionPipeline" else None
        except ValueError:
            found[name] = None
    return found


def sample_sizes():
    cases = []
    for version in UNET_VERSIONS:
        for size in SAMPLE_SIZES:
            unet = {"sample_size": size, "_diffusers_version": version}
            with tempfile.TemporaryDirectory() as scratch:
                folder = pathlib.Path(scratch) / "model"
                shutil.copytree(MODEL / "unet", folder)
                if version is None:
                    unet.pop("_diffusers_version")
                    path = folder / "config.json"
                    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "_diffusers_version"}))
                edited(folder, "config.json", unet)
                model = diffusers.UNet2DConditionModel.from_pretrained(folder)
            pipe = diffusers.StableDiffusionPipeline(vae=None, text_encoder=None, tokenizer=None, unet=model, scheduler=None,
                                                     safety_checker=None, feature_extractor=None, requires_safety_checker=False)
            cases.append({"unet": unet, "sample_size": pipe.unet.config.sample_size})
    return cases


def parameters(kind):
    return sorted(name for name in inspect.signature(kind.__init__).parameters if name not in ("self", "kwargs"))


def clip_configs():
    cases = []
    for file in CLIP_FILES:
        with tempfile.TemporaryDirectory() as scratch:
            (pathlib.Path(scratch) / "config.json").write_text(json.dumps({"model_type": "clip", **file}))
            config = transformers.CLIPConfig.from_pretrained(scratch)
        chosen = ("hidden_size", "intermediate_size", "num_attention_heads", "hidden_act")
        cases.append({"file": file, "projection_dim": config.projection_dim,
                      "text": {key: getattr(config.text_config, key) for key in (*chosen, "eos_token_id")},
                      "vision": {key: getattr(config.vision_config, key) for key in (*chosen, "image_size", "patch_size")}})
    return cases


def main():
    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.disable(logging.CRITICAL)
    keys = {name: parameters(getattr(diffusers, name)) for name in CONFIGS + SCHEDULERS}
    for name in ("CLIPTextConfig", "CLIPVisionConfig", "CLIPConfig"):
        keys[name] = sorted(key for key in getattr(transformers, name)().to_dict())
    golden = {"diffusers": diffusers.__version__, "transformers": transformers.__version__, "pipelines": pipelines(),
              "members": [{"member": {key: value}, "loads": with_model("model_index.json", {key: value}, lambda pipe: key not in
                           pipe.components or pipe.components[key] is not None) is True} for key, value in MEMBERS.items()],
              "sample_sizes": sample_sizes(), "keys": keys, "clip_configs": clip_configs()}
    print("{" + ",\n".join(f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in golden.items()) + "}")


main()
