"""Writes the values that the scores of texts are tested against: python3 make.py, in this folder.

Needs scipy and scikit-learn; each file says which versions made it.
"""

import json

import numpy
import scipy
from scipy import stats


def write(name, made_by, cases):
    with open(name + ".json", "w") as out:
        json.dump({"made_by": made_by, "cases": cases}, out)
        out.write("\n")


def correlation():
    random = numpy.random.default_rng(1)
    noise = random.normal(size=(2, 40))
    pairs = {
        "line and noise": (noise[0], 2 * noise[0] + noise[1]),
        "falling": (noise[0], noise[1] - noise[0]),
        "ties on one side": (random.integers(0, 6, 50), random.normal(size=50)),
        "ties on both sides": (random.integers(0, 4, 60), random.integers(0, 3, 60)),
        "far from zero": (1e6 + random.normal(size=30), -1e3 + random.normal(size=30)),
        "two pairs": ([1, 2], [5, 3]),
        "huge": (1e300 * noise[0], 1e-300 * (noise[0] + noise[1])),
    }
    cases = []
    for name, (x, y) in pairs.items():
        x, y = numpy.asarray(x).tolist(), numpy.asarray(y).tolist()
        cases.append({
            "name": name, "x": x, "y": y,
            "pearson": float(stats.pearsonr(x, y).statistic),
            "spearman": float(stats.spearmanr(x, y).statistic),
        })
    write("correlation", f"scipy {scipy.__version__}: stats.pearsonr and stats.spearmanr", cases)


correlation()
