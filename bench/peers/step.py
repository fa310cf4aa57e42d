"""One SimCLR training step: two views, encoder, projector, NT-Xent, gradients and optimizer."""

import torch

import timing
from networks import NETWORKS, nt_xent, optimizer, projector

args = timing.arguments(__doc__, network=tuple(NETWORKS))
build, width, items, view = NETWORKS[args.network]
encoder, head = build(), projector(width)
views = torch.cat((view(items), view(items)))
if args.mode != "eager" and views.dim() == 4:
    encoder, views = encoder.to(memory_format=torch.channels_last), views.to(memory_format=torch.channels_last)
update = optimizer(args.network, [*encoder.parameters(), *head.parameters()])


def embed(x):
    return head(encoder(x))


if args.mode == "compile":
    embed, nt_xent = torch.compile(embed), torch.compile(nt_xent)


def step():
    with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bf16"):
        z = embed(views)
    update.zero_grad()
    nt_xent(z).backward()
    update.step()


timing.report([{"name": f"{items} items x 2 views", "seconds": timing.seconds(step), "items": len(views)}])
