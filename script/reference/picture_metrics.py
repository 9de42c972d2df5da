"""Makes tests/golden/picture_metrics: what the field's own packages compute from closed-form pictures and rows, with
networks whose weights are drawn or come from a formula.

    pip install --no-deps --target DIR lpips==0.1.4 torch-fidelity==0.4.0 torchmetrics==1.9.0 lightning-utilities \
        torchvision==0.29.2 prdc==0.2 tqdm scikit-learn joblib threadpoolctl narwhals cloudpickle
    PYTHONPATH=DIR python picture_metrics.py OUT

with the Python of script/bootstrap --tests. Pictures are floor(clip(127.5 + 100 sin(.31x + .17y + c) +
27 cos(bend x y))), as tests/worker/diffusion/image/waves.h has them. Weights of the networks that are not kept here are
amplitude sin(1.7 i + k), i being the place in the flat tensor and k the tensor's number.
"""
import importlib.util
import json
import math
import pathlib
import sys
import tempfile
import types

import numpy
import torch
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIP = ROOT / "tests/golden/models/clip"
torch.set_num_threads(1)


def waves(width, height, bend):
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(3), indexing="ij")
    value = 127.5 + 100 * numpy.sin(.31 * x + .17 * y + c) + 27 * numpy.cos(bend * x * y)
    return numpy.floor(numpy.clip(value, 0, 255)).astype(numpy.uint8)


def batch(*pictures):
    return torch.stack([torch.from_numpy(p).permute(2, 0, 1) for p in pictures])


# --- lpips

def formula(shape, number, amplitude):
    count = math.prod(shape)
    return (amplitude * torch.sin(1.7 * torch.arange(count, dtype=torch.float64) + number)).float().reshape(shape)


def fill_by_formula(convolutions, heads):
    """He's amplitude for a sine; biases small; heads between 0 and 1. Numbers in the order: weight, bias, head."""
    number = 0
    for convolution in convolutions:
        fan_in = math.prod(convolution.weight.shape[1:])
        convolution.weight.data = formula(convolution.weight.shape, number, 2 / math.sqrt(fan_in))
        convolution.bias.data = formula(convolution.bias.shape, number + 1, .05)
        number += 2
    for head in heads:
        weight = head.model[-1].weight
        weight.data = .5 + formula(weight.shape, number, .5)
        number += 1


def lpips_cases():
    import lpips
    cases = []
    for net, width, height in (("alex", 80, 72), ("vgg", 64, 66)):
        model = lpips.LPIPS(net=net, pnet_rand=True, pretrained=False, verbose=False)
        convolutions = [m for m in model.net.modules() if isinstance(m, torch.nn.Conv2d)]
        fill_by_formula(convolutions, [getattr(model, f"lin{i}") for i in range(5)])
        x = batch(waves(width, height, .011), waves(width, height, .002)).float() / 127.5 - 1
        y = batch(waves(width, height, .02), waves(width, height, .0021)).float() / 127.5 - 1
        with torch.no_grad():
            distance = model(x, y).flatten().tolist()
        cases.append({"net": net, "width": width, "height": height, "bends": [.011, .002], "target_bends": [.02, .0021],
                      "distance": distance})
    return cases


# --- pixels

def pixel_cases():
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure
    cases = []
    for width, height, border in ((64, 48, 0), (33, 41, 4), (23, 90, 2)):
        x, y = waves(width, height, .011), waves(width, height, .02)
        inner = (slice(border, height - border), slice(border, width - border))
        a, b = (batch(p[inner]).double() for p in (x, y))
        cases.append({
            "width": width, "height": height, "crop_border": border, "bend": .011, "target_bend": .02,
            "psnr": peak_signal_noise_ratio(a, b, data_range=255.0).item(),
            "ssim": structural_similarity_index_measure(a, b, gaussian_kernel=True, sigma=1.5, kernel_size=11,
                                                        data_range=255.0).item()})
    return cases


# --- ViT

def vit_folder(out):
    from transformers import ViTConfig, ViTModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil
    torch.manual_seed(8)
    model = ViTModel(ViTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
                               layer_norm_eps=1e-6))
    for parameter in model.parameters():
        parameter.data = (.05 if parameter.dim() == 3 else .5) * torch.randn_like(parameter)
    model.save_pretrained(out)
    ViTImageProcessorPil(image_mean=[.485, .456, .406], image_std=[.229, .224, .225], resample=3).save_pretrained(out)
    return model.eval(), ViTImageProcessorPil.from_pretrained(out)


def dreambooth_pixels(picture):
    """torchvision's Resize(256, bicubic), CenterCrop(224), ToTensor, Normalize."""
    from torchvision import transforms
    pipeline = transforms.Compose([
        transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224),
        transforms.ToTensor(), transforms.Normalize((.485, .456, .406), (.229, .224, .225))])
    return pipeline(Image.fromarray(picture))


def vit_cases(out):
    model, processor = vit_folder(out / "vit")
    sizes, bends = [(64, 64), (96, 71), (50, 80)], [.0, .011, .3]
    pictures = [waves(w, h, bend) for (w, h), bend in zip(sizes, bends)]
    with torch.no_grad():
        dreambooth = model(torch.stack([dreambooth_pixels(p) for p in pictures])).last_hidden_state[:, 0]
        pixels = processor([Image.fromarray(p) for p in pictures], return_tensors="pt")["pixel_values"]
        of_folder = model(pixels).last_hidden_state[:, 0]
    unit = torch.nn.functional.normalize(dreambooth)
    return {"sizes": sizes, "bends": bends, "dreambooth": dreambooth.tolist(), "folder": of_folder.tolist(),
            "cosine": (unit @ unit.T).tolist()}


# --- CLIP

def clip_cases():
    from transformers import CLIPModel, CLIPTokenizer
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    model = CLIPModel.from_pretrained(CLIP).float().eval()
    tokenizer, processor = CLIPTokenizer.from_pretrained(CLIP), CLIPImageProcessorPil.from_pretrained(CLIP)
    pictures = [Image.open(CLIP / f"golden/picture_{i}.png").convert("RGB") for i in range(4)]
    texts = ["a photo of a red cat on the table", "the blue square"]

    def unit(features):
        return torch.nn.functional.normalize(getattr(features, "pooler_output", features))

    with torch.no_grad():
        images = unit(model.get_image_features(**processor(pictures, return_tensors="pt")))
        words = unit(model.get_text_features(**tokenizer(texts, padding=True, return_tensors="pt")))
        # InstructPix2Pix, metrics/clip_similarity.py
        direction = torch.nn.functional.cosine_similarity(images[1:] - images[:1], words[1:] - words[:1])
        whole = []
        for picture in pictures:
            side = model.config.vision_config.image_size
            bands = [numpy.asarray(band.convert("F").resize((side, side), Image.BICUBIC)) for band in picture.split()]
            pixels = torch.from_numpy(numpy.stack(bands)) / 255
            mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in (processor.image_mean, processor.image_std))
            features = model.get_image_features(pixel_values=((pixels - mean) / deviation)[None])
            whole.append(getattr(features, "pooler_output", features)[0])
    return {"texts": texts, "direction_from_0_to_1_2_3": direction.tolist(),
            "image_cosine": (images @ images.T).tolist(), "text_cosine": (images @ words.T).tolist(),
            "whole_features": torch.stack(whole).tolist()}


# --- sets of rows

def rows(count, columns, one, other):
    i = torch.arange(count, dtype=torch.float64)[:, None]
    j = torch.arange(columns, dtype=torch.float64)[None]
    return torch.sin(one * i + 1.9 * j + .05 * i * j) + .3 * torch.cos(other * i * j + .2 * i)


def torch_fidelity_prc():
    """Of the installed package the one file: the package itself imports what is not here."""
    package = pathlib.Path(importlib.util.find_spec("torch_fidelity").origin).parent
    for name in ("torch_fidelity", "torch_fidelity.helpers", "torch_fidelity.utils"):
        module = types.ModuleType(name)
        module.get_kwarg = lambda key, kwargs: kwargs[key]
        module.vprint = lambda *arguments: None
        for unused in ("extract_featuresdict_from_input_id_cached", "create_feature_extractor",
                       "resolve_feature_extractor", "resolve_feature_layer_for_metric"):
            setattr(module, unused, None)
        sys.modules[name] = module
    spec = importlib.util.spec_from_file_location("torch_fidelity.metric_prc", package / "metric_prc.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.prc_features_to_metric


def neighbour_cases():
    from prdc import compute_prdc
    prc = torch_fidelity_prc()
    cases = []
    for n, m, columns, k in ((200, 200, 16, 3), (150, 90, 2, 2), (600, 530, 3, 4)):
        x, y = rows(n, columns, .7, 1.3), rows(m, columns, .9, .6)
        both = prc(x, y, prc_neighborhood=k, prc_batch_size=1000, save_cpu_ram=False, verbose=False)
        more = compute_prdc(y.numpy(), x.numpy(), k)
        cases.append({"n": n, "m": m, "columns": columns, "k": k, "precision": both["precision"],
                      "recall": both["recall"], "density": more["density"].item(), "coverage": more["coverage"].item()})
    return cases


# --- what packages give in float32 or do not give, written down as the authors have it, in numpy and float64

def cmmd(x, y, sigma, scale):
    """google-research/cmmd, distance.py: diagonals are in the means."""
    x, y = (a / numpy.linalg.norm(a, axis=1, keepdims=True) for a in (x, y))

    def mean_kernel(a, b):
        squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
        return numpy.exp(-squares / (2 * sigma ** 2)).mean()

    return scale * (mean_kernel(x, x) + mean_kernel(y, y) - 2 * mean_kernel(x, y))


def luma(picture):
    """BasicSR, rgb2ycbcr(y_only=True), and not rounded."""
    return picture.astype(numpy.float64) / 255 @ numpy.array([65.481, 128.553, 24.966]) + 16


def psnr(a, b):
    return 10 * math.log10(255 ** 2 / ((a - b) ** 2).mean())


def ssim(a, b):
    """BasicSR, _ssim: cv2's Gaussian of 11 x 11 and 1.5, where it lies within the picture."""
    line = numpy.exp(-(numpy.arange(11) - 5) ** 2 / (2 * 1.5 ** 2))
    window = numpy.outer(line, line) / line.sum() ** 2

    def blurred(p):
        return (numpy.lib.stride_tricks.sliding_window_view(p, (11, 11)) * window).sum((2, 3))

    c1, c2, mean_a, mean_b = (.01 * 255) ** 2, (.03 * 255) ** 2, blurred(a), blurred(b)
    variance_a, variance_b = blurred(a * a) - mean_a ** 2, blurred(b * b) - mean_b ** 2
    covariance = blurred(a * b) - mean_a * mean_b
    return ((2 * mean_a * mean_b + c1) * (2 * covariance + c2) /
            ((mean_a ** 2 + mean_b ** 2 + c1) * (variance_a + variance_b + c2))).mean()


def numpy_cases():
    """Of the rows and the pictures of tests/golden/metrics.json."""
    i, j = numpy.arange(200.)[:, None], numpy.arange(16.)[None]
    x = numpy.sin(.7 * i + 1.9 * j + .05 * i * j) + .3 * numpy.cos(1.3 * i * j + .2 * i)
    y = 1.2 * numpy.sin(.9 * i + 1.1 * j + .07 * i * j) + .25 * numpy.cos(.6 * i * j + .4 * i) + .1
    rows, columns, channels = numpy.meshgrid(numpy.arange(48), numpy.arange(64), numpy.arange(3), indexing="ij")

    def picture(amplitude, phase):
        value = (127.5 + amplitude * numpy.sin(.31 * columns + .17 * rows + channels + phase) +
                 27 * numpy.cos(.011 * columns * rows + phase))
        return numpy.floor(numpy.clip(value, 0, 255)).astype(numpy.uint8)

    a, b = luma(picture(100, 0)), luma(picture(96, .05))
    return {"cmmd": [{"sigma": sigma, "scale": 1000, "value": cmmd(x, y, sigma, 1000)} for sigma in (10, 1)],
            "luma": {"psnr": psnr(a, b), "ssim": ssim(a, b)}}


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    import lpips, torchmetrics, torchvision, transformers  # noqa: E401
    from importlib.metadata import version
    golden = {"versions": {name: version(name) for name in ("lpips", "torch-fidelity", "torchmetrics", "torchvision",
                                                             "transformers", "prdc", "torch")},
              "lpips": lpips_cases(), "pixels": pixel_cases(), "vit": vit_cases(out), "clip": clip_cases(),
              "neighbours": neighbour_cases(), "numpy": numpy_cases()}
    (out / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
