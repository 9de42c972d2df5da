"""Makes tests/golden/inception_score.json: what torch-fidelity computes from logits that a formula gives.

    pip install --no-deps --target DIR torch-fidelity==0.4.0
    PYTHONPATH=DIR python inception_score.py OUT

Logits are 4 sin(.7 i + 1.9 c + .05 i c) + 2 cos(1.3 i c + .2 i) for image i and class c, float64.
"""
import importlib.util
import json
import pathlib
import sys
import types

import numpy
import torch

VERSION = "0.4.0"


def torch_fidelity_isc():
    """Of the installed package the one file: the package itself imports torchvision."""
    package = pathlib.Path(importlib.util.find_spec("torch_fidelity").origin).parent
    assert VERSION in (package / "version.py").read_text()
    for name in ("torch_fidelity", "torch_fidelity.helpers", "torch_fidelity.utils"):
        module = types.ModuleType(name)
        for unused in ("get_kwarg", "vprint", "extract_featuresdict_from_input_id_cached", "create_feature_extractor",
                       "resolve_feature_extractor", "resolve_feature_layer_for_metric"):
            setattr(module, unused, None)
        sys.modules[name] = module
    spec = importlib.util.spec_from_file_location("torch_fidelity.metric_isc", package / "metric_isc.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.isc_features_to_metric


def logits(images, classes):
    i = torch.arange(images, dtype=torch.float64)[:, None]
    c = torch.arange(classes, dtype=torch.float64)[None]
    return 4 * torch.sin(.7 * i + 1.9 * c + .05 * i * c) + 2 * torch.cos(1.3 * i * c + .2 * i)


def main():
    score = torch_fidelity_isc()
    cases = []
    for images, classes, splits, shuffle, seed in (
            (200, 16, 10, True, 2020), (200, 16, 10, False, 2020), (203, 1008, 10, True, 2020), (57, 5, 1, True, 7),
            (101, 3, 13, True, 4294967295)):
        result = score(logits(images, classes), splits, shuffle, seed)
        cases.append({"images": images, "classes": classes, "splits": splits, "shuffled": shuffle, "seed": seed,
                      "mean": result["inception_score_mean"], "std": result["inception_score_std"]})
    golden = {"torch_fidelity": VERSION, "numpy": numpy.__version__, "cases": cases}
    pathlib.Path(sys.argv[1]).write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
