"""Representations of 128 items (32 for the vision transformer) by an encoder in evaluation mode."""

import torch

import timing
from networks import NETWORKS

args = timing.arguments(__doc__, network=tuple(NETWORKS))
build, _, items, view = NETWORKS[args.network]
encoder, batch = build().eval(), view(2 * items)
if args.mode != "eager" and batch.dim() == 4:
    encoder, batch = encoder.to(memory_format=torch.channels_last), batch.to(memory_format=torch.channels_last)
if args.mode == "compile":
    encoder = torch.compile(encoder)

with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bf16"):
    timing.report([{"name": f"{len(batch)} items", "seconds": timing.seconds(lambda: encoder(batch)), "items": len(batch)}])
