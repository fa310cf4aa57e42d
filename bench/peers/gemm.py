"""A matrix product of 2048 x 2048 by 2048 x 2048."""

import torch

import timing

N = 2048

args = timing.arguments(__doc__)
dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[args.precision]
a, b = torch.randn(N, N).to(dtype), torch.randn(N, N).to(dtype)
timing.report([{"name": f"{N} x {N} x {N}", "seconds": timing.seconds(lambda: a @ b), "flops": 2 * N**3}])
