"""Trains a method of lightly on a folder of pictures with the settings of Alike's recipe, and scores it as alike eval does.

    VENV/bin/pip install lightly
    VENV/bin/python bench/peers/lightly_train.py --method simclr --data CLOTHING --epochs 200

CLOTHING has train/CLASS/*.jpg and test/CLASS/*.jpg. Loss, heads, transforms and the layout of the loop are lightly's (its
benchmarks on CIFAR-10); network, optimizer, schedule and strength of augmentation are those of recipes/METHOD-photos-cpu.yaml.
Prints one JSON object: kNN and linear accuracy on the test pictures, the seconds that training took, the peak memory.
"""

import argparse
import json
import math
import resource
import sys
import time

import numpy
import torch
from lightly.loss import BarlowTwinsLoss, NTXentLoss
from lightly.models.modules import BarlowTwinsProjectionHead, SimCLRProjectionHead
from lightly.transforms import SimCLRTransform
from torch import nn
from torchvision import datasets, transforms

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def encoder(width):
    """Alike's small CNN: four 3x3 convolutions of stride 2 with batch norm and a rectifier, and the mean over positions."""
    layers, channels = [], 3
    for out in (width, 2 * width, 4 * width, 8 * width):
        layers += [nn.Conv2d(channels, out, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def method(name, dim):
    """Head, loss, smallest crop and optimizer of recipes/NAME-photos-cpu.yaml, whose rates are for a batch of 256."""
    if name == "simclr":
        sgd = lambda parameters, scale: torch.optim.SGD(parameters, lr=0.12 * scale, momentum=0.9, weight_decay=5e-4)
        return SimCLRProjectionHead(dim, dim, 128), NTXentLoss(temperature=0.1), 0.08, sgd

    def adamw(parameters, scale):
        parameters = list(parameters)
        groups = [{"params": [p for p in parameters if p.ndim > 1]}, {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0}]
        return torch.optim.AdamW(groups, lr=0.008 * scale, betas=(0.9, 0.98), eps=1e-6, weight_decay=1e-4)

    return BarlowTwinsProjectionHead(dim, 512, 256), BarlowTwinsLoss(lambda_param=5.1e-3), 0.2, adamw


def views(size, smallest):
    """Strength 1 for colour, no blur, as the recipes have it."""
    return SimCLRTransform(input_size=size, cj_strength=1.0, cj_prob=0.8, min_scale=smallest, gaussian_blur=0.0)


def rate(step, steps, warmup):
    return (step + 1) / warmup if step < warmup else 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def train(net, options):
    head, criterion, smallest, optimizer = method(options.method, 8 * options.width)
    folder = datasets.ImageFolder(options.data + "/train", views(options.size, smallest))
    loader = torch.utils.data.DataLoader(folder, options.batch, shuffle=True, drop_last=True, num_workers=options.workers, persistent_workers=options.workers > 0)
    optimizer = optimizer([*net.parameters(), *head.parameters()], options.batch / 256)
    steps = options.epochs * len(loader)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps, options.warmup * len(loader)))
    for epoch in range(options.epochs):
        total = 0.0
        for (x0, x1), _ in loader:
            with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
                z0, z1 = (head(net(x.contiguous(memory_format=torch.channels_last))) for x in (x0, x1))
            loss = criterion(z0.float(), z1.float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}", flush=True, file=sys.stderr)


@torch.no_grad()
def represent(net, folder, size):
    net.eval()
    crop = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size), transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    data = datasets.ImageFolder(folder, crop)
    loader = torch.utils.data.DataLoader(data, 256)
    return torch.cat([net(x) for x, _ in loader]).numpy(), numpy.array(data.targets)


def knn(bank, classes, queries, truth, k=10, temperature=0.1):
    """Cosine neighbours, each voting with exp(similarity / temperature): metric.KNN."""
    unit = lambda x: x / numpy.linalg.norm(x, axis=1, keepdims=True)
    similarity = unit(queries) @ unit(bank).T
    nearest = numpy.argsort(-similarity, axis=1, kind="stable")[:, :k]
    votes = numpy.zeros((len(queries), classes.max() + 1))
    for row, indices in enumerate(nearest):
        numpy.add.at(votes[row], classes[indices], numpy.exp(similarity[row, indices] / temperature))
    return float((votes.argmax(1) == truth).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=("simclr", "barlowtwins"), default="simclr")
    parser.add_argument("--data", required=True)
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    for name, default in dict(epochs=200, warmup=10, batch=64, size=24, width=32, workers=2, seed=1).items():
        parser.add_argument("--" + name, type=int, default=default)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    net = encoder(options.width).to(memory_format=torch.channels_last)
    began = time.perf_counter()
    train(net, options)
    seconds = time.perf_counter() - began
    bank, classes = represent(net, options.data + "/train", options.size)
    queries, truth = represent(net, options.data + "/test", options.size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(dict(method=options.method, epochs=options.epochs, seed=options.seed, precision=options.precision,
                          knn=knn(bank, classes, queries, truth), seconds=round(seconds, 1), peak_memory=peak)))


if __name__ == "__main__":
    main()
