#!/usr/bin/env python3
"""What diffusers' pipelines make of a stored scheduler: tests/golden/scheduler_rewrites.json.

    ~/.cache/isocost/reference-venv/bin/python script/reference/scheduler_rewrites.py > tests/golden/scheduler_rewrites.json

A pipeline is made around a scheduler that is loaded from a file, with and without the two keys that some pipelines
rewrite; then the scheduler is kept, or exchanged by from_config as users do it, with and without an option. The cases
of text_to_image load a whole folder of each class that AutoPipelineForText2Image draws from.
"""
import itertools
import json
import os
import pathlib
import shutil
import tempfile
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"

import diffusers  # noqa: E402

MODEL = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/models/bk-tiny"
TEXT_TO_IMAGE = ["StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline"]
PIPELINES = TEXT_TO_IMAGE + ["StableDiffusionInstructPix2PixPipeline", "StableDiffusionUpscalePipeline", "StableDiffusionXLPipeline"]
CHOSEN = ["DDIMScheduler", "DDPMScheduler", "DPMSolverMultistepScheduler", "EulerDiscreteScheduler"]
STORED = CHOSEN + ["PNDMScheduler", "DPMSolverSinglestepScheduler"]
FILES = [{}, {"steps_offset": 0, "clip_sample": True}, {"steps_offset": 1, "clip_sample": False}, {"steps_offset": 3},
         {"clip_sample": True}]
OPTIONS = [{}, {"timestep_spacing": "trailing"}]


def pipeline_around(name, scheduler):
    """Only the scheduler is looked at by the constructors; the rest may be absent."""
    kind = getattr(diffusers, name)
    parts = {"vae": None, "text_encoder": None, "tokenizer": None, "unet": None, "scheduler": scheduler}
    if name == "StableDiffusionXLPipeline":
        parts.update(text_encoder_2=None, tokenizer_2=None)
    elif name == "StableDiffusionUpscalePipeline":
        parts.update(low_res_scheduler=diffusers.DDPMScheduler())
    else:
        parts.update(safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    return kind(**parts)


def made(name, config):
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/scheduler_config.json", "w") as out:
            json.dump(config, out)
        return pipeline_around(name, getattr(diffusers, config["_class_name"]).from_pretrained(folder))


def loaded(name, config):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "model"
        shutil.copytree(MODEL, folder)
        index = json.loads((folder / "model_index.json").read_text())
        index.update(_class_name=name, scheduler=["diffusers", config["_class_name"]])
        (folder / "model_index.json").write_text(json.dumps(index))
        (folder / "scheduler/scheduler_config.json").write_text(json.dumps(config))
        pipe = diffusers.AutoPipelineForText2Image.from_pretrained(folder)
        assert type(pipe).__name__ == "StableDiffusionPipeline"
        return pipe


def cases(pipelines, open_pipeline):
    """Of each scheduler that is chosen: steps_offset and clip_sample without an option, and with one."""
    for pipeline, stored, file in itertools.product(pipelines, STORED, FILES):
        config = {"_class_name": stored, **file}
        pipe = open_pipeline(pipeline, config)
        chosen = {}
        for name in CHOSEN:
            schedulers = [pipe.scheduler if name == stored and not option else
                          getattr(diffusers, name).from_config(pipe.scheduler.config, **option) for option in OPTIONS]
            chosen[name] = [[scheduler.config.steps_offset, scheduler.config.get("clip_sample")] for scheduler in schedulers]
        yield {"pipeline": pipeline, "config": config, "chosen": chosen}


def main():
    warnings.filterwarnings("ignore")
    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    golden = {"diffusers": diffusers.__version__, "options": OPTIONS, "constructed": list(cases(PIPELINES, made)),
              "text_to_image": list(cases(TEXT_TO_IMAGE, loaded))}
    print(json.dumps(golden, separators=(",", ":")).replace('{"pipeline"', '\n{"pipeline"'))


main()
