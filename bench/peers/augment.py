"""SimCLR's two views a picture from JPEG files, on one core: 32-pixel pictures to 32-pixel views, and 350 to 224 pixels."""

import argparse
import io

import numpy as np
import torch
from PIL import Image
from torchvision.io import decode_jpeg
from torchvision.transforms import v2

import timing

VIEWS = 2
PICTURES = 16  # in one repetition


def jpeg(size):
    """The same synthetic picture as that of alike bench augment: smooth colours, an edge and some noise, at quality 90."""
    v, u = np.mgrid[:size, :size] / size
    light = 0.5 + 0.3 * np.sin(9 * u + 4 * v) + 0.05 * np.random.default_rng(0).standard_normal((size, size))
    light = np.where(np.hypot(u - 0.5, v - 0.5) < 0.3, 1 - light, light)
    colours = np.stack((light, light * (0.9 - 0.3 * u), light * (0.6 + 0.4 * v)), -1)
    file = io.BytesIO()
    Image.fromarray((255 * colours.clip(0, 1)).astype(np.uint8)).save(file, "jpeg", quality=90)
    return file.getvalue()


def pipeline(size, strength, blur):
    return v2.Compose([
        v2.RandomResizedCrop(size),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength)], 0.8),
        v2.RandomGrayscale(0.2),
        *([v2.RandomApply([v2.GaussianBlur(23, (0.1, 2.0))], 0.5)] if blur else []),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])


def decode_pillow(file):
    return Image.open(io.BytesIO(file)).convert("RGB")


def decode_tensor(file):
    return decode_jpeg(torch.frombuffer(bytearray(file), dtype=torch.uint8))


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--mode", choices=("pillow", "tensor"), default="pillow", help="what the transforms work on")
decode = {"pillow": decode_pillow, "tensor": decode_tensor}[parser.parse_args().mode]
torch.set_num_threads(1)

cases = []
for picture, size, strength, blur in ((32, 32, 0.5, False), (350, 224, 1, True)):
    file, transform = jpeg(picture), pipeline(size, strength, blur)

    def run():
        for _ in range(PICTURES):
            image = decode(file)
            for _ in range(VIEWS):
                transform(image)

    cases.append({
        "name": f"{picture}-pixel JPEG to {size}-pixel views",
        "seconds": timing.seconds(run) / (PICTURES * VIEWS),
        "items": 1,
    })
timing.report(cases)
