"""Unit vectors of sentences: SentenceTransformer.encode, which sorts them by length and pads each batch to its longest.

--mode is the number of sentences in a batch.
"""

import torch

import sentences

args = sentences.arguments(__doc__)
model = sentences.open_encoder(args, sentences.MAX_LENGTH)


def encode():
    with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bf16"):
        return model.encode(args.sentences, batch_size=int(args.mode or 32), normalize_embeddings=True, convert_to_tensor=True)


seconds = sentences.seconds(encode, warm_up=1, repetitions=3)
vectors = encode().float()
sentences.report(f"{len(vectors)} sentences", seconds, len(vectors), vectors[::100, :4].flatten().tolist())
