"""Trains the towers of a finished run of `alike train clip` with open_clip: the same pictures, captions, tags, groups and tokenizer, and the
same settings, all taken from the run's folder. Loop, loss, schedule, optimizer's groups, augmentation and its order are open_clip's.

The encoder of pictures is a ResNet of basic blocks with CIFAR stem, the one of captions the mean of vectors of tokens with weights, of which a
share is left out in training (`backbone/static.go`). Prints recall at 1 from caption to picture on --test, and the seconds of training.
"""

import argparse
import json
import logging
import pathlib
import random
import time
import types

import torch
import yaml
from open_clip import ClipLoss
from open_clip.transform import image_transform
from open_clip_train.scheduler import cosine_lr
from open_clip_train.train import train_one_epoch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock
from transformers import AutoTokenizer

BLOCKS = {"resnet10": (1, 1, 1, 1), "resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--run", required=True, type=pathlib.Path, help="folder of a finished run")
parser.add_argument("--test", required=True, type=pathlib.Path, help="table of pairs to score, in JSON lines")
parser.add_argument("--mode", choices=("eager", "channels_last", "compile"), default="channels_last")
parser.add_argument("--precision", choices=("f32", "bf16"), help="the run's own if left out")
parser.add_argument("--workers", type=int, default=0, help="processes that load pictures")
args = parser.parse_args()
config = yaml.safe_load((args.run / "config.yaml").read_text())
pairs, clip, augment = config["pairs"], config["clip"], config["clip"]["augment"]
torch.manual_seed(config["seed"])
random.seed(config["seed"])


class ImageTower(nn.Module):
    def __init__(self, blocks, width):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        layers, channels = [], width
        for stage, count in enumerate(blocks):
            for block in range(count):
                out, stride = width << stage, 2 if stage > 0 and block == 0 else 1
                shortcut = None
                if stride != 1 or channels != out:
                    shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
                layers.append(BasicBlock(channels, out, stride, shortcut))
                channels = out
        self.layers, self.dim = nn.Sequential(*layers), channels
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        return self.layers(self.stem(x)).mean((2, 3))


class TextTower(nn.Module):
    def __init__(self, vocabulary, pad, width, dropout):
        super().__init__()
        self.pad, self.dim = pad, width
        self.words = nn.Parameter(0.02 * torch.randn(vocabulary, width))
        self.weights = nn.Parameter(torch.ones(vocabulary))
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids):
        own = (ids != self.pad).float()
        weight = self.dropout(F.embedding(ids, self.weights[:, None]).squeeze(-1)) * own
        total = (F.embedding(ids, self.words) * weight[:, :, None]).sum(1)
        return total / own.sum(1, keepdim=True).clamp(min=1)


class Model(nn.Module):
    """What open_clip's loop asks of a model: unit vectors and the scale."""

    def __init__(self, image, text, out, temperature):
        super().__init__()
        self.image, self.text = image, text
        self.image_projection, self.text_projection = nn.Linear(image.dim, out, bias=False), nn.Linear(text.dim, out, bias=False)
        for projection in (self.image_projection, self.text_projection):
            nn.init.normal_(projection.weight, std=projection.in_features**-0.5)
        self.logit_scale = nn.Parameter(torch.tensor(1 / temperature).log())

    def encode_image(self, images):
        return F.normalize(self.image_projection(self.image(images)).float(), dim=-1)

    def encode_text(self, ids):
        return F.normalize(self.text_projection(self.text(ids)).float(), dim=-1)

    def forward(self, images, ids):
        return {"image_features": self.encode_image(images), "text_features": self.encode_text(ids), "logit_scale": self.logit_scale.exp()}


class Table(torch.utils.data.Dataset):
    """A table of bench/emoji. Transparent pixels are white, as in Alike."""

    def __init__(self, path, transform):
        self.rows = [json.loads(line) for line in path.read_text().splitlines()]
        self.folder, self.transform = path.parent, transform

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = self.rows[i]
        picture = Image.open(self.folder / row["image"]).convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        text = row["caption"]
        tags = [tag for column in pairs["tags"] for tag in row[column]]
        if self.transform is train_transform and tags and random.random() < clip["caption"]["tags"]:
            random.shuffle(tags)
            text = ", ".join(tags[: 1 + random.randrange(len(tags))])
        return self.transform(Image.alpha_composite(white, picture).convert("RGB")), ids_of(text)


class Turns(torch.utils.data.Sampler):
    """One picture of each group an epoch, in random order."""

    def __init__(self, rows):
        groups = {}
        for i, row in enumerate(rows):
            groups.setdefault(row[pairs["group"]] if pairs["group"] else i, []).append(i)
        self.groups = list(groups.values())

    def __len__(self):
        return len(self.groups)

    def __iter__(self):
        return iter([random.choice(self.groups[g]) for g in torch.randperm(len(self)).tolist()])


tokenizer = AutoTokenizer.from_pretrained(args.run / "model" / "tokenizer")


def ids_of(text):
    ids = tokenizer(text, add_special_tokens=False, truncation=True, max_length=pairs["max_length"])["input_ids"]
    return torch.tensor(ids + [tokenizer.pad_token_id] * (pairs["max_length"] - len(ids)))


size, jitter = config["image_size"], ("brightness", "contrast", "saturation", "hue")
train_transform = image_transform(size, True, augment["mean"], augment["std"], interpolation="bicubic", aug_cfg={
    "scale": tuple(augment["crop_scale"]), "color_jitter": tuple(augment[k] for k in jitter), "color_jitter_prob": augment["jitter"],
    "gray_scale_prob": augment["grayscale"]})
test_transform = image_transform(size, False, augment["mean"], augment["std"], interpolation="bicubic")

model = Model(
    ImageTower(BLOCKS[config["backbone"]], round(64 * config["width"])),
    TextTower(len(tokenizer), tokenizer.pad_token_id, pairs["static"]["width"], pairs["static"]["dropout"]),
    clip["out"], clip["temperature"])
run = model
if args.mode != "eager":
    run = model.to(memory_format=torch.channels_last)
if args.mode == "compile":
    run = torch.compile(model)

table = Table(pathlib.Path(config["data"]), train_transform)
sampler = Turns(table.rows)
loader = torch.utils.data.DataLoader(
    table, config["batch"], sampler=sampler, drop_last=True, num_workers=args.workers, persistent_workers=args.workers > 0)
loader.num_batches, loader.num_samples = len(loader), len(loader) * config["batch"]
loop_data = {"train": types.SimpleNamespace(dataloader=loader, set_epoch=lambda epoch: None)}

# The groups of the optimizer are those of open_clip_train/main.py.
spared = [p for name, p in model.named_parameters() if p.ndim < 2 or "logit_scale" in name]
decayed = [p for name, p in model.named_parameters() if not (p.ndim < 2 or "logit_scale" in name)]
o = config["optimizer"]  # YAML 1.1 reads 1e-08 as text
optimizer = torch.optim.AdamW(
    [{"params": spared, "weight_decay": 0.0}, {"params": decayed, "weight_decay": o["weight_decay"]}],
    lr=o["learning_rate"], betas=(o["beta1"], o["beta2"]), eps=float(o["epsilon"]), fused=True)
steps = len(loader) * config["epochs"]
scheduler = cosine_lr(optimizer, o["learning_rate"], round(config["schedule"]["warmup_epochs"] * len(loader)), steps)
precision = args.precision or config["precision"]
settings = types.SimpleNamespace(
    device="cpu", precision="amp_bf16" if precision == "bf16" else "fp32", distill=False, accum_freq=1, skip_scheduler=False, grad_clip_norm=None,
    horovod=False, rank=0, world_size=1, log_every_n_steps=len(loader), batch_size=config["batch"], wandb=False)

logging.basicConfig(level=logging.INFO, format="%(message)s")
began = time.perf_counter()
for epoch in range(config["epochs"]):
    train_one_epoch(run, loop_data, ClipLoss(), epoch, optimizer, None, scheduler, None, settings)
seconds = time.perf_counter() - began

model.eval()
with torch.no_grad():
    tests = Table(args.test, test_transform)
    images = model.encode_image(torch.stack([tests[i][0] for i in range(len(tests))]))
    captions = [row["caption"] for row in tests.rows]
    unique = list(dict.fromkeys(captions))
    found = (model.encode_text(torch.stack([ids_of(c) for c in unique])) @ images.T).argmax(1).tolist()
hits = sum(captions[i] == c for i, c in zip(found, unique))
print(json.dumps({
    "system": "open_clip on PyTorch " + torch.__version__, "mode": args.mode, "precision": precision, "threads": torch.get_num_threads(),
    "epochs": config["epochs"], "steps": steps, "seconds": round(seconds, 1), "recall_at_1": hits / len(unique)}, indent=2))
