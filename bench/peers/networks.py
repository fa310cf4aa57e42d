"""The networks of step.py and inference.py. bench/workload holds the same ones for Alike."""

import torch
import torch.nn.functional as F
import torchvision
from torch import nn


class Block(nn.Module):
    """A transformer block with the norms in front."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, width)
        x = x + self.out(mixed)
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """Learned positions, blocks, a last norm, and the mean over the tokens."""

    def __init__(self, embed, tokens, width, depth, heads):
        super().__init__()
        self.embed = embed
        self.positions = nn.Parameter(0.02 * torch.randn(tokens, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        x = self.embed(x) + self.positions
        return self.norm(self.blocks(x)).mean(1)


class Patches(nn.Module):
    def __init__(self, size, width):
        super().__init__()
        self.project = nn.Conv2d(3, width, size, size)

    def forward(self, x):
        return self.project(x).flatten(2).transpose(1, 2)


def resnet18():
    """With the CIFAR stem: a 3x3 convolution of stride 1 and no pooling."""
    net = torchvision.models.resnet18()
    net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    net.maxpool = net.fc = nn.Identity()
    return net


# name: (encoder, width of its output, items in a view of the training step, one view of n items)
NETWORKS = {
    "resnet18": (resnet18, 512, 64, lambda n: torch.randn(n, 3, 32, 32)),
    "vit_tiny": (lambda: Transformer(Patches(16, 192), 196, 192, 12, 3), 192, 16, lambda n: torch.randn(n, 3, 224, 224)),
    "text": (lambda: Transformer(nn.Embedding(30522, 384), 32, 384, 6, 6), 384, 64, lambda n: torch.randint(30522, (n, 32))),
}


def projector(width):
    """SimCLR's two layers, each followed by batch norm."""
    return nn.Sequential(
        nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 128, bias=False), nn.BatchNorm1d(128))


def nt_xent(z, temperature=0.5):
    """z holds the first views of all items, then the second ones."""
    z = F.normalize(z.float())
    similarity = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    n = len(z) // 2
    return F.cross_entropy(similarity, torch.cat((torch.arange(n, 2 * n), torch.arange(n))))


def optimizer(name, parameters):
    if name == "resnet18":
        return torch.optim.SGD(parameters, lr=0.03, momentum=0.9, weight_decay=1e-4, fused=True)
    return torch.optim.AdamW(parameters, lr=5e-4, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.2, fused=True)
