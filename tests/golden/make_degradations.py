"""Makes degradations.json: pictures degraded for super-resolution, by PyTorch, NumPy and Pillow.

    ~/.cache/isocost/reference-venv/bin/python make_degradations.py        (torch, numpy, pillow)

bicubic is Image.resize of 8-bit RGB. real-esrgan follows RealESRGANDataset.__getitem__ and
RealESRGANModel.feed_data with BasicSR's degradations.py, in float64 and without sharpening; JPEG is Pillow's
libjpeg-turbo at a whole quality, and every draw is Philox4x32-10 keyed by (seed, item, purpose), counted as
worker/diffusion/image/draws.h says. A case is a picture's size, a key and the bytes that came out, RGB in rows, as
hexadecimal digits. `draws` of a case says which ways it took, stage by stage; together the cases take all of them. `tie`
is how close a value came to the middle between two bytes where it was rounded: at 0 the order of a sum decides, and what
JPEG makes of that is another picture. Such cases are compared loosely, all others to the byte.
"""
import io
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

HERE = pathlib.Path(__file__).parent
WORD = 0xFFFFFFFF
(IS_SINC, KERNEL_SIZE, CUTOFF, KERNEL_KIND, SIGMA_X, SIGMA_Y, ROTATION, BETA_SIDE, BETA, IS_BLURRED, RESIZE_KIND, SCALE,
 MODE, NOISE_KIND, NOISE_STRENGTH, IS_GREY, FIELD, GREY_FIELD, QUALITY, IS_FILTERED, JPEG_IS_LAST) = range(21)
KINDS = ['iso', 'aniso', 'generalized_iso', 'generalized_aniso', 'plateau_iso', 'plateau_aniso']
KERNEL_PROB = [0.45, 0.25, 0.12, 0.03, 0.12, 0.03]
MODES = ['area', 'bilinear', 'bicubic']
FIRST = dict(stage=0, blur_sigma=(0.2, 3), blur_prob=1, resize_prob=(0.2, 0.7), resize_range=(0.15, 1.5),
             noise_range=(1, 30), poisson_scale_range=(0.05, 3))
SECOND = dict(stage=1, blur_sigma=(0.2, 1.5), blur_prob=0.8, resize_prob=(0.3, 0.4), resize_range=(0.3, 1.2),
              noise_range=(1, 25), poisson_scale_range=(0.05, 2.5))


closest = [1.0]


def to_bytes(image):
    values = image * 255.0
    inside = values[(values > -0.6) & (values < 255.6)]
    closest.append(float((inside - inside.floor() - 0.5).abs().min()))
    return torch.clamp(values.round(), 0, 255)


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & WORD, (p0 >> 32) ^ c[3] ^ k[1], p0 & WORD]
        k = [(k[0] + 0x9E3779B9) & WORD, (k[1] + 0xBB67AE85) & WORD]
    return c


class Draws:
    def __init__(self, seed, item, stage):
        self.seed, self.item, self.stage = seed, item, stage

    def words(self, purpose, blocks):
        draw, key = (3 << 30) + 64 * self.stage + purpose, (self.seed & WORD, self.seed >> 32)
        return np.array([philox((b, draw, self.item & WORD, self.item >> 32), key) for b in range(blocks)], np.float64)

    def uniforms(self, purpose, count):
        return ((self.words(purpose, (count + 3) // 4) + 0.5) / 2**32).reshape(-1)[:count]

    def uniform(self, purpose, low=0.0, high=1.0):
        return low + (high - low) * float(self.uniforms(purpose, 1)[0])

    def normals(self, purpose, count):
        u = (self.words(purpose, (count + 3) // 4) + 0.5) / 2**32
        radius, angle = np.sqrt(-2 * np.log(u[:, 0::2])), 2 * np.pi * u[:, 1::2]
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1).reshape(-1)[:count]

    def choice(self, purpose, shares):
        return next((i for i, s in enumerate(np.cumsum(shares)) if self.uniform(purpose) < s), len(shares))


def mesh(size):
    ax = np.arange(-size // 2 + 1.0, size // 2 + 1.0)
    xx, yy = np.meshgrid(ax, ax)
    return np.stack([xx, yy], -1)


def mixed_kernel(kind, size, sigma_x, sigma_y, theta, beta):
    u = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    inverse = np.linalg.inv(u @ np.diag([sigma_x**2, sigma_y**2]) @ u.T)
    grid = mesh(size)
    q = np.sum(np.dot(grid, inverse) * grid, 2)
    if kind.startswith('plateau'):
        kernel = np.reciprocal(np.power(q, beta) + 1)
    elif kind.startswith('generalized'):
        kernel = np.exp(-0.5 * np.power(q, beta))
    else:
        kernel = np.exp(-0.5 * q)
    return kernel / kernel.sum()


def circular_lowpass_kernel(cutoff, size):
    r = np.hypot(*np.moveaxis(mesh(size), -1, 0))
    safe = np.where(r == 0, 1, r)
    bessel = torch.special.bessel_j1(torch.from_numpy(cutoff * safe)).numpy()
    kernel = np.where(r == 0, cutoff**2 / (4 * np.pi), cutoff * bessel / (2 * np.pi * safe))
    return kernel / kernel.sum()


def kernel_of(options, draws, said):
    size = 7 + 2 * int(8 * draws.uniform(KERNEL_SIZE))
    if draws.uniform(IS_SINC) < 0.1:
        said.append('sinc')
        return circular_lowpass_kernel(draws.uniform(CUTOFF, np.pi / (3 if size < 13 else 5), np.pi), size)
    kind = KINDS[min(draws.choice(KERNEL_KIND, KERNEL_PROB), 5)]
    said.append(kind)
    sigma_x = sigma_y = draws.uniform(SIGMA_X, *options['blur_sigma'])
    rotation = beta = 0.0
    if kind.endswith('aniso'):
        sigma_y = draws.uniform(SIGMA_Y, *options['blur_sigma'])
        rotation = draws.uniform(ROTATION, -math.pi, math.pi)
    low, high = (1, 2) if kind.startswith('plateau') else (0.5, 4)
    is_low = draws.uniform(BETA_SIDE) < 0.5
    beta = draws.uniform(BETA, low, 1) if is_low else draws.uniform(BETA, 1, high)
    return mixed_kernel(kind, size, sigma_x, sigma_y, rotation, beta)


def filter2d(image, kernel):
    half = kernel.shape[0] // 2
    padded = np.pad(image.numpy(), ((0, 0), (0, 0), (half, half), (half, half)), mode='reflect')
    weight = torch.from_numpy(kernel)[None, None].expand(3, 1, -1, -1)
    return F.conv2d(torch.from_numpy(padded), weight, groups=3)


def mode_of(draws, said):
    said.append(MODES[min(2, int(3 * draws.uniform(MODE)))])
    return said[-1]


def scale_of(options, draws, said):
    kind = draws.choice(RESIZE_KIND, options['resize_prob'])
    said.append(['up', 'down', 'keep'][kind])
    low, high = options['resize_range']
    return [draws.uniform(SCALE, 1, high), draws.uniform(SCALE, low, 1), 1][kind]


def poisson(mean, quantile):
    chance, count = np.exp(-mean), np.zeros_like(mean)
    total, k = chance.copy(), 0
    while (total < quantile).any() and k < 1024:
        k += 1
        chance = chance * (mean / k)
        count = np.where(total < quantile, k, count)
        total = np.where(total < quantile, total + chance, total)
    return count


def add_noise(options, draws, image, said):
    grey, pixels = draws.uniform(IS_GREY) < 0.4, image.shape[2] * image.shape[3]
    field = lambda draw: np.repeat(draw(GREY_FIELD, pixels)[:, None], 3, 1) if grey else draw(FIELD, 3 * pixels).reshape(-1, 3)
    planar = lambda rows: torch.from_numpy(np.ascontiguousarray(rows.T.reshape(image.shape)))
    if draws.uniform(NOISE_KIND) < 0.5:
        sigma = draws.uniform(NOISE_STRENGTH, *options['noise_range']) / 255
        noise = sigma * planar(field(draws.normals))
    else:
        source = image
        if grey:
            weights = torch.tensor([0.2989, 0.587, 0.114], dtype=torch.float64).view(1, 3, 1, 1)
            source = (image * weights).sum(1, keepdim=True).expand(1, 3, -1, -1)
        source = to_bytes(source) / 255.0
        vals = 2 ** np.ceil(np.log2(len(torch.unique(source))))
        rows = source[0].permute(1, 2, 0).reshape(-1, 3).numpy()
        noise = planar(poisson(rows * vals, field(draws.uniforms)) / vals - rows)
        noise = noise * draws.uniform(NOISE_STRENGTH, *options['poisson_scale_range'])
    said.append(('gaussian', 'poisson')[draws.uniform(NOISE_KIND) >= 0.5] + (' grey' if grey else ''))
    return torch.clamp(image + noise, 0, 1)


def jpeg(draws, image):
    rows = to_bytes(image).to(torch.uint8)[0].permute(1, 2, 0).numpy()
    quality, file = int(draws.uniform(QUALITY, 30, 95) + 0.5), io.BytesIO()
    Image.fromarray(rows).save(file, 'JPEG', quality=quality)
    back = np.asarray(Image.open(file).convert('RGB'))
    return torch.from_numpy(back.astype(np.float64) / 255).permute(2, 0, 1)[None]


class Said(list):
    """Words of one stage."""

    def __init__(self, stage, words):
        self.stage, self.words = stage, words

    def append(self, word):
        super().append(word)
        self.words.append(f'{self.stage}: {word}')


def real_esrgan(picture, factor, seed, item):
    words, first, second, last = [], *(Draws(seed, item, stage) for stage in range(3))
    said = Said('first', words)
    image = torch.from_numpy(picture.astype(np.float64) / 255).permute(2, 0, 1)[None]
    height, width = (side // factor for side in image.shape[2:])
    image = filter2d(image, kernel_of(FIRST, first, said))
    scale, mode = scale_of(FIRST, first, said), mode_of(first, said)
    image = F.interpolate(image, scale_factor=scale, mode=mode)
    image = jpeg(first, add_noise(FIRST, first, image, said))
    said = Said('second', words)
    if second.uniform(IS_BLURRED) < SECOND['blur_prob']:
        image = filter2d(image, kernel_of(SECOND, second, said))
    else:
        said.append('no blur')
    scale, mode = scale_of(SECOND, second, said), mode_of(second, said)
    image = F.interpolate(image, size=(int(height * scale), int(width * scale)), mode=mode)
    image = add_noise(SECOND, second, image, said)
    said = Said('last', words)
    jpeg_is_last = last.uniform(JPEG_IS_LAST) < 0.5
    said.append('sinc, jpeg' if jpeg_is_last else 'jpeg, sinc')
    if not jpeg_is_last:
        image = jpeg(second, image)
    image = F.interpolate(image, size=(height, width), mode=mode_of(last, said))
    if last.uniform(IS_FILTERED) < 0.8:
        size = 7 + 2 * int(8 * last.uniform(KERNEL_SIZE))
        image = filter2d(image, circular_lowpass_kernel(last.uniform(CUTOFF, np.pi / 3, np.pi), size))
    else:
        said.append('no filter')
    if jpeg_is_last:
        image = jpeg(second, image)
    return to_bytes(image).to(torch.uint8)[0].permute(1, 2, 0).numpy(), words


def bicubic(picture, factor, seed, item):
    height, width = picture.shape[:2]
    return np.asarray(Image.fromarray(picture).resize((width // factor, height // factor), Image.BICUBIC)), []


def source(width, height):
    """Slopes that fold, in tiles, with a bright rim: whole numbers alone."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing='ij')
    slope = np.abs((5 * x + 3 * y + 80 * c) % 510 - 255)
    rim = ((x % 16 == 0) | (y % 24 == 0)) * 255
    return np.maximum(np.where((x // 16 + y // 24) % 2 == 0, slope, 255 - slope), rim).astype(np.uint8)


def main():
    cases = []
    for name, make in (('bicubic', bicubic), ('real-esrgan', real_esrgan)):
        keys = [(64, 64, 4, 0, 0), (48, 72, 2, 0, 1)]
        if name == 'real-esrgan':
            keys = [(64, 64, 4, 0, item) for item in [*range(40), 54]]
            keys += [(48, 72, 2, 2**40 + 7, 2**33 + 1), (160, 96, 4, 3, 5)]
        for width, height, factor, seed, item in keys:
            closest[:] = [1.0]
            made, said = make(source(width, height), factor, seed, item)
            cases.append(dict(name=name, width=width, height=height, factor=factor, seed=seed, item=item, draws=said,
                              tie=min(closest), rgb=made.tobytes().hex()))
    seen = {word for case in cases for word in case['draws']}
    stage_words = [*KINDS, *MODES, 'sinc', 'up', 'down', 'keep', 'gaussian', 'gaussian grey', 'poisson', 'poisson grey']
    wanted = {f'{stage}: {word}' for stage in ('first', 'second') for word in stage_words}
    wanted |= {f'last: {word}' for word in ['sinc, jpeg', 'jpeg, sinc', 'no filter', *MODES]} | {'second: no blur'}
    assert wanted <= seen, wanted - seen
    text = ',\n'.join(json.dumps(case) for case in cases)
    (HERE / 'degradations.json').write_text('[' + text + ']\n')


if __name__ == '__main__':
    main()
