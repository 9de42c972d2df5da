"""Makes the picture files of this folder and expected.json: what PIL's Image.open(f).convert("RGB") says of each.

Run with any Python that has Pillow and numpy: python make_pictures.py. The files here were made with Pillow 13.0.0.
"""
import hashlib
import json
import pathlib
import struct
import zlib

import numpy
from PIL import Image

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 13, 11
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(samples, depth):
    rows = b""
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            data = row.astype(">u2").tobytes()
        elif depth == 8:
            data = row.astype("u1").tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            data = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        rows += b"\0" + data
    return rows


def png(colour_type, depth, interlaced, extra=b""):
    random = numpy.random.RandomState(colour_type * 100 + depth + interlaced)
    samples = random.randint(0, 2**depth, (HEIGHT, WIDTH, CHANNELS[colour_type]))
    data = b""
    if interlaced:
        for x, y, dx, dy in PASSES:
            part = samples[y::dy, x::dx]
            if part.size:
                data += pack_rows(part, depth)
    else:
        data = pack_rows(samples, depth)
    palette = chunk(b"PLTE", random.randint(0, 256, 3 * 2**depth).astype("u1").tobytes()) if colour_type == 3 else b""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour_type, 0, 0, interlaced)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + extra + chunk(b"IDAT", zlib.compress(data)) +
            chunk(b"IEND", b""))


def write_pngs():
    for colour_type, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}.items():
        for depth in depths:
            for interlaced in (0, 1):
                name = f"type{colour_type}-{depth}bit{'-interlaced' if interlaced else ''}.png"
                (HERE / name).write_bytes(png(colour_type, depth, interlaced))
    (HERE / "palette-transparent.png").write_bytes(png(3, 4, 0, chunk(b"tRNS", bytes([0, 100, 255]))))
    (HERE / "rgb-transparent.png").write_bytes(png(2, 8, 0, chunk(b"tRNS", bytes([0, 1, 0, 2, 0, 3]))))


def write_jpegs():
    y, x, c = numpy.mgrid[0:HEIGHT * 3, 0:WIDTH * 3, 0:4]
    waves = (127 + 120 * numpy.sin(0.2 * x + 0.13 * y + 1.7 * c)).astype("u1")
    rgb = Image.fromarray(waves[:, :, :3])
    rgb.save(HERE / "rgb.jpg", quality=90)
    rgb.save(HERE / "rgb-progressive.jpg", quality=80, progressive=True)
    rgb.save(HERE / "rgb-444.jpg", quality=95, subsampling=0)
    Image.fromarray(waves[:, :, 0]).save(HERE / "grey.jpg", quality=85)
    Image.fromarray(waves, "CMYK").save(HERE / "cmyk.jpg", quality=85)


def main():
    write_pngs()
    write_jpegs()
    expected = {}
    for file in sorted(HERE.glob("*.*g")):
        rgb = numpy.asarray(Image.open(file).convert("RGB"))
        expected[file.name] = {"height": rgb.shape[0], "width": rgb.shape[1], "sum": int(rgb.sum()),
                               "sha256": hashlib.sha256(rgb.tobytes()).hexdigest()}
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
