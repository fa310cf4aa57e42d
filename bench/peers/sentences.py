"""What the scripts sentence_transformers_*.py share: arguments, the encoder, the clock and what they print.

They do the work of bench/sentences with sentence-transformers, on the same encoder and the same sentences.
"""

import argparse
import json
import os
import statistics
import time
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
warnings.filterwarnings("ignore")

import sentence_transformers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

# A sentence is cut to so many tokens when it is embedded, and when it is trained on.
MAX_LENGTH, TRAIN_LENGTH = 256, 32


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--mode", default="")
    parser.add_argument("--encoder", required=True, help="folder of sentence-transformers")
    parser.add_argument("--text", required=True, help="file of sentences, one a line")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--static", action="store_true", help="the encoder's vectors of words alone, averaged")
    args = parser.parse_args()
    with open(args.text) as f:
        args.sentences = f.read().strip().split("\n")
    return args


def open_encoder(args, length):
    """The encoder, or a StaticEmbedding of its vectors of words: with special tokens, as bench/sentences has it."""
    model = SentenceTransformer(args.encoder, device="cpu")
    if args.static:
        words = model[0].auto_model.embeddings.word_embeddings.weight.detach().numpy()
        model = SentenceTransformer(modules=[StaticEmbedding(model.tokenizer, embedding_weights=words)], device="cpu")
    else:
        model.max_seq_length = length
    return model


def seconds(run, warm_up=3, repetitions=5):
    """The median time of run(), after calls that are not counted: of so many calls or more, for a second or more."""
    for _ in range(warm_up):
        run()
    times = []
    while len(times) < repetitions or sum(times) < 1:
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def report(name, seconds, items, check=None):
    """Prints one JSON object, as the other scripts do. Check holds numbers of the result that Alike's are compared with."""
    system = f"sentence-transformers {sentence_transformers.__version__} on PyTorch {torch.__version__}"
    case = {"name": name, "seconds": seconds, "items": items}
    print(json.dumps({"system": system, "threads": torch.get_num_threads(), "cases": [case]} | ({"check": check} if check else {})))
