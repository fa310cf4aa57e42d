"""What every script here shares: its arguments, its clock, and the JSON object that it prints."""

import argparse
import json
import statistics
import time

import torch

MODES = ("eager", "channels_last", "compile")


def arguments(description, **choices):
    """Parses --precision, --mode and, for each keyword, an option with those choices."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--mode", choices=MODES, default="eager")
    for name, values in choices.items():
        parser.add_argument("--" + name, choices=values, default=values[0])
    return parser.parse_args()


def seconds(run):
    """The median time of run(), after three calls that are not counted: of five calls or more, for a second or more."""
    for _ in range(3):
        run()
    times = []
    while len(times) < 5 or sum(times) < 1:
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def report(cases):
    """Prints one JSON object. A case is a dict with name, seconds and, where it has them, items and flops."""
    print(json.dumps({"system": "PyTorch " + torch.__version__, "threads": torch.get_num_threads(), "cases": cases}, indent=2))
