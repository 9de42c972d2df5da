"""Makes the folder that the metric LPIPS loads, of the lpips package's heads and torchvision's backbone.

    pip install lpips torch safetensors
    python lpips.py --net alex --backbone alexnet-owt-7be5be79.pth OUT
    python lpips.py --net vgg --backbone vgg16-397923af.pth OUT

Backbones are the state dictionaries that torchvision publishes for `alexnet` and `vgg16` (ImageNet); their
classifiers are left out. Heads are lpips/weights/v0.1/NET.pth of the installed package, or --heads FILE. OUT becomes
config.json and model.safetensors. Exit code 1 and a sentence for what is wrong.
"""
import argparse
import importlib.util
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

# Of torchvision's `features`: each convolution with its shape, and the channels that are compared.
NETS = {
    "alex": {"layers": {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)},
             "heads": (64, 192, 384, 256, 256)},
    "vgg": {"layers": {0: (64, 3, 3), 2: (64, 64, 3), 5: (128, 64, 3), 7: (128, 128, 3), 10: (256, 128, 3),
                       12: (256, 256, 3), 14: (256, 256, 3), 17: (512, 256, 3), 19: (512, 512, 3), 21: (512, 512, 3),
                       24: (512, 512, 3), 26: (512, 512, 3), 28: (512, 512, 3)},
            "heads": (64, 128, 256, 512, 512)},
}


class Fault(Exception):
    pass


def read(file):
    try:
        tensors = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has no one kind for what is no such file
        raise Fault(f"{file}: this cannot be read: {str(error).splitlines()[0]}; expected a state dictionary") from None
    if not isinstance(tensors, dict):
        raise Fault(f"{file}: this is {type(tensors).__name__}; expected a state dictionary")
    return tensors


def take(tensors, name, shape, file, faults):
    tensor = tensors.get(name)
    if tensor is None:
        faults.append(f"{file}: the tensor '{name}' is missing; expected {list(shape)}")
        return None
    if tuple(tensor.shape) != tuple(shape):
        faults.append(f"{file}: the tensor '{name}' is {list(tensor.shape)}; expected {list(shape)}")
        return None
    return tensor.detach().float().contiguous()


def heads_of_package(net):
    own = pathlib.Path(__file__).resolve().parent  # where Python looks first, and finds this file under that name
    sys.path[:] = [place for place in sys.path if pathlib.Path(place or ".").resolve() != own]
    spec = importlib.util.find_spec("lpips")
    if spec is None or not spec.submodule_search_locations:
        raise Fault("lpips: the package is not installed; expected `pip install lpips`, or --heads FILE")
    return pathlib.Path(spec.submodule_search_locations[0]) / "weights" / "v0.1" / f"{net}.pth"


def convert(net, backbone_file, heads_file):
    backbone, heads = read(backbone_file), read(heads_file)
    faults, out = [], {}
    for index, (to, of, side) in NETS[net]["layers"].items():
        for part, shape in (("weight", (to, of, side, side)), ("bias", (to,))):
            name = f"features.{index}.{part}"
            out[name] = take(backbone, name, shape, backbone_file, faults)
    for number, channels in enumerate(NETS[net]["heads"]):
        head = take(heads, f"lin{number}.model.1.weight", (1, channels, 1, 1), heads_file, faults)
        out[f"lin{number}"] = None if head is None else head.reshape(channels).clone()
    if faults:
        raise Fault("\n".join(faults))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=sorted(NETS), required=True)
    parser.add_argument("--backbone", type=pathlib.Path, required=True, help="torchvision's state dictionary")
    parser.add_argument("--heads", type=pathlib.Path, help="lpips's (default: that of the installed package)")
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        heads = arguments.heads or heads_of_package(arguments.net)
        tensors = convert(arguments.net, arguments.backbone, heads)
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, arguments.out / "model.safetensors")
    config = {"_class_name": "IsocostPerceptualNetwork", "net": arguments.net, "version": "0.1"}
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
