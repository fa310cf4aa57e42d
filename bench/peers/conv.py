"""The 3x3 convolutions of a ResNet-18 with CIFAR stem on 128 pictures of 32x32: forward, and the gradients of input and weights."""

import torch

import timing

N = 128
SHAPES = ((64, 32), (128, 16), (256, 8), (512, 4))  # channels, side

args = timing.arguments(__doc__)
dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[args.precision]
layout = torch.channels_last if args.mode == "channels_last" else torch.contiguous_format


def gradients(x, w, dy, of_input):
    return torch.ops.aten.convolution_backward(
        dy, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [of_input, not of_input, False])


cases = []
with torch.no_grad():
    for channels, side in SHAPES:
        x, dy = (torch.randn(N, channels, side, side).to(dtype, memory_format=layout) for _ in range(2))
        w = torch.randn(channels, channels, 3, 3).to(dtype, memory_format=layout)
        for direction, run in (
            ("forward", lambda: torch.nn.functional.conv2d(x, w, padding=1)),
            ("input gradient", lambda: gradients(x, w, dy, True)),
            ("weight gradient", lambda: gradients(x, w, dy, False)),
        ):
            cases.append({
                "name": f"{channels} channels, {side}x{side}, {direction}",
                "seconds": timing.seconds(run),
                "flops": 2 * 9 * N * side**2 * channels**2,
            })
timing.report(cases)
