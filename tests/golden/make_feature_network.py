"""Makes feature_network/: a small feature network of drawn weights, and what PyTorch, lpips and NumPy compute with it.

    pip install --no-deps --target DIR lpips==0.1.4 torchvision==0.29.2 tqdm
    PYTHONPATH=DIR ~/.cache/isocost/reference-venv/bin/python make_feature_network.py      (torch, numpy, safetensors)

The layers are those of worker/diffusion/models/feature_network.h, written out again. `distance` is lpips.LPIPS itself,
baseline mode (lpips=False), with the network's levels in the place of its own and no scaling of pixels (version 0.0). A
share is NaN (null) where an item has nothing that it is about. Pictures are floor(clip(127.5 + 100 sin(.31x + .17y + c)
+ 27 cos(bend x y))), as tests/worker/diffusion/image/waves.h has them, told by their bends.
"""
import json
import pathlib

import lpips
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parent / 'feature_network'
# Those of experiments/world/world.h.
ATTRIBUTES = [('arrangement', 4), ('background', 6), ('colour_1', 8), ('shape_1', 6), ('size_1', 2), ('texture_1', 3),
              ('colour_2', 9), ('shape_2', 7), ('size_2', 3), ('texture_2', 4)]
CONFIG = dict(_class_name='IsocostFeatureNetwork', image_size=16, channels=[8, 16], norm_groups=4, hidden=16,
              features=8, attributes=[dict(name=name, classes=classes) for name, classes in ATTRIBUTES])
BENDS = dict(pictures=[.9, .31, .05, .52, .74, .2, .43], sources=[.2, .31, .9, .13, .38, .63, .2],
             targets=[.9, .67, .05, .35, .11, .63, .81])
torch.set_num_threads(1)


def drawn_weights():
    generator = torch.Generator().manual_seed(7)
    shapes, inside = {}, 3
    for i, width in enumerate(CONFIG['channels']):
        shapes |= {f'blocks.{i}.conv1.weight': (width, inside, 3, 3), f'blocks.{i}.conv2.weight': (width, width, 3, 3)}
        shapes |= {f'blocks.{i}.conv1.bias': (width,), f'blocks.{i}.conv2.bias': (width,)}
        shapes |= {f'blocks.{i}.norm{n}.{part}': (width,) for n in (1, 2) for part in ('weight', 'bias')}
        inside = width
    side = CONFIG['image_size'] >> len(CONFIG['channels'])
    linears = dict(hidden=(inside * side * side, CONFIG['hidden']),
                   answer=(CONFIG['hidden'], sum(classes for _, classes in ATTRIBUTES)),
                   project=(4 * sum(CONFIG['channels']), CONFIG['features']))
    for name, (columns, rows) in linears.items():
        shapes |= {f'{name}.weight': (rows, columns), f'{name}.bias': (rows,)}
    weights = {}
    for name in sorted(shapes):
        drawn = torch.randn(shapes[name], generator=generator)
        if name.endswith('norm1.weight') or name.endswith('norm2.weight'):
            weights[name] = 1 + .2 * drawn
        elif name.endswith('bias'):
            weights[name] = .2 * drawn
        else:
            weights[name] = drawn * (2 / drawn[0].numel())**.5
    return weights


def waves(bend):
    side = CONFIG['image_size']
    y, x, c = np.meshgrid(np.arange(side), np.arange(side), np.arange(3), indexing='ij')
    value = 127.5 + 100 * np.sin(.31 * x + .17 * y + c) + 27 * np.cos(bend * x * y)
    return torch.from_numpy(np.floor(np.clip(value, 0, 255)).astype(np.uint8)).permute(2, 0, 1)


def pixels(bends):
    return torch.stack([waves(bend) for bend in bends]).float() / 127.5 - 1


class Network(torch.nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def levels(self, x, pooled):
        w, levels = self.weights, []
        look = lambda seen: pooled.extend([seen.mean((2, 3)), (seen.var((2, 3), correction=0) + 1e-6).sqrt()])
        for i in range(len(CONFIG['channels'])):
            for n, stride in ((1, 2), (2, 1)):
                x = F.conv2d(x, w[f'blocks.{i}.conv{n}.weight'], w[f'blocks.{i}.conv{n}.bias'], stride, 1)
                look(x)
                x = F.silu(F.group_norm(x, CONFIG['norm_groups'], w[f'blocks.{i}.norm{n}.weight'],
                                        w[f'blocks.{i}.norm{n}.bias']))
            levels.append(x)
        return levels

    def forward(self, x):  # for lpips
        return self.levels(x, [])

    def read(self, x):
        pooled, w = [], self.weights
        last = self.levels(x, pooled)[-1].flatten(1)
        hidden = F.silu(F.linear(last, w['hidden.weight'], w['hidden.bias']))
        pooled = torch.cat(pooled, 1)
        return dict(features=F.linear(pooled, w['project.weight'], w['project.bias']),
                    answers=F.linear(hidden, w['answer.weight'], w['answer.bias']), pooled=pooled)


def labels(answers):
    groups = np.split(answers.numpy(), np.cumsum([classes for _, classes in ATTRIBUTES])[:-1], axis=1)
    for group in groups:  # rounding must not decide
        best = np.sort(group, 1)
        assert (best[:, -1] - best[:, -2]).min() > 1e-3
    return np.stack([group.argmax(1) for group in groups], 1)


def distance_of(network, x, y):
    model = lpips.LPIPS(net='alex', version='0.0', lpips=False, pretrained=False, pnet_rand=True, verbose=False)
    model.net, model.L = network, len(CONFIG['channels'])
    return model(x, y).flatten()


def shares(read):
    picture, source, target = (labels(read[name]['answers']) for name in ('pictures', 'sources', 'targets'))
    is_to_change, is_wanted = source != target, picture == target
    share = lambda asked: [float(w[a].mean()) if a.any() else None for w, a in zip(is_wanted, asked)]
    return list(zip(share(is_to_change), share(~is_to_change)))


@torch.no_grad()
def main():
    OUT.mkdir(exist_ok=True)
    weights = drawn_weights()
    save_file(weights, OUT / 'model.safetensors')
    (OUT / 'config.json').write_text(json.dumps(CONFIG, indent=1) + '\n')
    network = Network(weights)
    read = {name: network.read(pixels(bends)) for name, bends in BENDS.items()}
    found = shares(read)
    for column in zip(*found):
        assert any(s is not None and 0 < s < 1 for s in column), found
    assert {None, 0, 1} <= {row[0] for row in found}, found
    golden = dict(BENDS, **{name: rows.tolist() for name, rows in read['pictures'].items()},
                  distance=distance_of(network, pixels(BENDS['pictures']), pixels(BENDS['targets'])).tolist(),
                  shares=found)
    (OUT / 'golden.json').write_text(json.dumps(golden) + '\n')


if __name__ == '__main__':
    main()
