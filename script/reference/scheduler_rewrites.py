#!/usr/bin/env python3
"""What diffusers' pipelines make of a stored scheduler: tests/golden/scheduler_rewrites.json.

    ~/.cache/isocost/reference-venv/bin/python script/reference/scheduler_rewrites.py > tests/golden/scheduler_rewrites.json

A pipeline is made around a scheduler that is loaded from a file, with and without the two keys that some pipelines
rewrite; then the scheduler is kept, or exchanged by from_config as users do it.
"""
import itertools
import json
import tempfile
import warnings

import diffusers

PIPELINES = ["StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline",
             "StableDiffusionInstructPix2PixPipeline", "StableDiffusionUpscalePipeline", "StableDiffusionXLPipeline"]
SCHEDULERS = ["DDIMScheduler", "DDPMScheduler", "DPMSolverMultistepScheduler"]
FILES = [{}, {"steps_offset": 0, "clip_sample": True}, {"steps_offset": 1, "clip_sample": False}, {"steps_offset": 3}]


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


def main():
    warnings.filterwarnings("ignore")
    diffusers.logging.set_verbosity_error()
    cases = []
    for pipeline, stored, file in itertools.product(PIPELINES, SCHEDULERS, FILES):
        config = {"_class_name": stored, **file}
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/scheduler_config.json", "w") as out:
                json.dump(config, out)
            loaded = getattr(diffusers, stored).from_pretrained(folder)
        pipe = pipeline_around(pipeline, loaded)
        for chosen in SCHEDULERS:
            for option in ({}, {"timestep_spacing": "trailing"}):
                kept = chosen == stored and not option
                scheduler = pipe.scheduler if kept else getattr(diffusers, chosen).from_config(pipe.scheduler.config, **option)
                cases.append({"pipeline": pipeline, "config": config, "chosen": chosen, "option": option,
                              "steps_offset": scheduler.config.steps_offset,
                              "clip_sample": scheduler.config.get("clip_sample")})
    print(json.dumps({"diffusers": diffusers.__version__, "cases": cases}, separators=(",", ":")).replace('{"pipeline"', '\n{"pipeline"'))


main()
