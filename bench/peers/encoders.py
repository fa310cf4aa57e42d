"""Writes what transformers, sentence-transformers and open_clip make of texts and pictures, to hold our encoders to.

    python encoders.py tiny DIR             the folders of pretrained/testdata: encoders with random weights, a few kilobytes each
    python encoders.py golden FOLDER OUT    the vectors of FOLDER, of sentence-transformers, for some sentences, as OUT/golden.json
    python encoders.py same FOLDER OTHER    compares the vectors of two folders of sentence-transformers
    python encoders.py exported FOLDER TEXTS.txt VECTORS.npy
                                            compares those of a folder that `alike export` wrote with what `alike embed` wrote of texts
    python encoders.py random_clip DIR      a CLIP with random weights, larger than that of testdata, and pictures and texts in DIR/data
    python encoders.py clip FOLDER PICTURES PICTURES.npy TEXTS.txt TEXTS.npy
                                            compares the vectors of a CLIP, and its logits, with what `alike embed` wrote of pictures and texts

The second is read by `ALIKE_REFERENCE=OUT go test ./pretrained -run Reference`, so that a real encoder can be checked without its
weights being in the repository. The third checks what we save: with ALIKE_SAVE=OTHER too, the test writes a folder. The README
beside this file does it with all-MiniLM-L6-v2.
"""

import argparse
import json
import os
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, StaticEmbedding, Transformer
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, BertTokenizerFast, DistilBertConfig, DistilBertModel, RobertaConfig, RobertaModel
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "man", "is", "play", "##ing", "the", "guitar", "no", "one", "runs", "."]
CAPTIONS = ["A cat.", "the", "the cat's cat: a cat in a hat", "a cat in the hat"]
SENTENCES = [
    "A man is playing the guitar.",
    "No one runs",
    "the",
    "Is a man the one? A man is playing, a man runs, and no one plays a guitar with the man who is not running.",
    "A plane is taking off; an air plane is taking off.",
    "Ein Flugzeug hebt ab, naïvely and café-wise: 12,345.67 €!",
]


def random_weights(model):
    """Larger than those drawn, so that every one shows in the result."""
    for name, p in model.named_parameters():
        is_scale = "norm" in name.lower() and name.endswith("weight")
        torch.nn.init.normal_(p, 1.0 if is_scale else 0.0, 0.5 if p.dim() > 1 else 0.3)


def rounded(x):
    """Nine digits hold any float32."""
    return [rounded(v) for v in x] if isinstance(x, list) else float(f"{x:.9g}")


def write_golden(dir, ids, mask, texts=None, **values):
    content = ({"texts": texts} if texts else {}) | {"ids": ids, "mask": mask} | {k: rounded(v.tolist()) for k, v in values.items()}
    with open(os.path.join(dir, "golden.json"), "w") as f:
        f.write(json.dumps(content).replace("], [", "],\n["))


def tiny_transformer(dir, model, dtype, pad):
    """Writes a model with the hidden states of padded rows of random tokens. Weights are rounded to dtype, states are float32's."""
    random_weights(model)
    model = model.to(dtype).eval()
    model.save_pretrained(dir)
    model = model.float()
    lengths, longest = [6, 3, 1], 6
    ids = torch.randint(pad + 1, model.config.vocab_size, (len(lengths), longest))
    mask = torch.tensor([[int(i < n) for i in range(longest)] for n in lengths])
    ids = torch.where(mask == 1, ids, pad)
    with torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    write_golden(dir, ids.tolist(), mask.tolist(), hidden=hidden)


def clip_tokenizer(first):
    """A tokenizer of small letters with a few merges. Its special tokens are the first of its vocabulary, or the last as in CLIP's."""
    letters = [c + end for c in "abcdefghijklmnopqrstuvwxyz.:'" for end in ("", "</w>")]
    merges = [("c", "a"), ("ca", "t</w>"), ("t", "h"), ("th", "e</w>")]
    special = ["<|startoftext|>", "<|endoftext|>"]
    words = letters + [a + b for a, b in merges]
    return CLIPTokenizer(vocab={w: i for i, w in enumerate(special + words if first else words + special)}, merges=merges)


def tiny_clip(dir, model, dtype, tokenizer):
    """Writes a model with CLIP's encoder of texts, and the hidden states and vectors of captions, projected if the model has that."""
    random_weights(model)
    if hasattr(model, "logit_scale"):
        torch.nn.init.constant_(model.logit_scale, np.log(1 / 0.07))
    model = model.to(dtype).eval()
    model.save_pretrained(dir)
    tokenizer.save_pretrained(dir)
    model = model.float()
    batch = tokenizer(CAPTIONS, truncation=True, max_length=9, padding=True, return_tensors="pt")
    with torch.no_grad():
        out = getattr(model, "text_model", model)(**batch)
        values = out.pooler_output
        if hasattr(model, "text_projection"):
            values = model.text_projection(values)
    write_golden(dir, batch["input_ids"].tolist(), batch["attention_mask"].tolist(), CAPTIONS, hidden=out.last_hidden_state, vectors=values)


def tiny_open_clip(dir):
    """Writes a CLIP of open_clip's as its push_to_hf_hub.py does, with what it makes of captions and pixels."""
    import open_clip
    from safetensors.torch import save_file

    pictures = dict(image_size=8, patch_size=4, layers=2, width=16, head_width=8, mlp_ratio=1.5)
    texts = dict(context_length=9, vocab_size=64, width=16, heads=2, layers=1)
    config = dict(embed_dim=12, quick_gelu=True, vision_cfg=pictures, text_cfg=texts)
    model = open_clip.CLIP(**config)
    random_weights(model)
    torch.nn.init.constant_(model.logit_scale, np.log(1 / 0.07))
    model = model.half().eval()
    os.makedirs(dir)
    save_file(model.state_dict(), os.path.join(dir, "open_clip_model.safetensors"))
    preprocess = dict(mean=open_clip.OPENAI_DATASET_MEAN, std=open_clip.OPENAI_DATASET_STD, interpolation="bicubic", resize_mode="shortest")
    with open(os.path.join(dir, "open_clip_config.json"), "w") as f:
        json.dump(dict(model_cfg=config, preprocess_cfg=preprocess), f, indent=2)
    tokenizer = clip_tokenizer(False)
    tokenizer.save_pretrained(dir)
    model = model.float()
    batch = tokenizer(CAPTIONS, truncation=True, max_length=9, padding="max_length", return_tensors="pt")
    pixels = torch.randn(3, 3, 8, 8)
    with torch.no_grad():
        vectors = model.encode_text(batch["input_ids"])
        values = dict(pixels=channels_last(pixels), vectors=model.encode_image(pixels), scale=model.logit_scale.exp())
    write_golden(dir, batch["input_ids"].tolist(), batch["attention_mask"].tolist(), CAPTIONS, vectors=vectors)
    with open(os.path.join(dir, "pictures.json"), "w") as f:
        f.write(json.dumps({k: rounded(v.tolist()) for k, v in values.items()}).replace("], [", "],\n["))


def noise(width, height):
    """A picture of large random blots."""
    small = np.random.default_rng(width * height).integers(0, 256, (3, 4, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.BICUBIC)


def channels_last(pixels):
    return pixels.permute(0, 2, 3, 1).flatten(1)


def tiny_pictures(dir, model, size):
    """Writes what a CLIP that lies in dir makes of pixels, of pixels of pictures half as large again, and of two picture files, of which the
    first needs no resize."""
    model = model.float()
    processor = CLIPImageProcessor(size={"shortest_edge": size}, crop_size=size)
    processor.save_pretrained(dir)
    pictures = {"square.png": noise(size, size), "wide.png": noise(20, 13)}
    for name, picture in pictures.items():
        picture.save(os.path.join(dir, name))
    tokenizer = CLIPTokenizer.from_pretrained(dir)
    texts = tokenizer(CAPTIONS, truncation=True, max_length=9, padding=True, return_tensors="pt")
    pixels, larger = torch.randn(3, 3, size, size), torch.randn(2, 3, size * 3 // 2, size * 3 // 2)
    prepared = processor(images=list(pictures.values()), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        values = dict(
            pixels=channels_last(pixels), vectors=model.get_image_features(pixels).pooler_output,
            larger_pixels=channels_last(larger), larger_vectors=model.get_image_features(larger, interpolate_pos_encoding=True).pooler_output,
            prepared=channels_last(prepared), prepared_vectors=model.get_image_features(prepared).pooler_output,
            logits=model(pixel_values=prepared, **texts).logits_per_image, scale=model.logit_scale.exp())
    content = {"files": list(pictures)} | {k: rounded(v.tolist()) for k, v in values.items()}
    with open(os.path.join(dir, "pictures.json"), "w") as f:
        f.write(json.dumps(content).replace("], [", "],\n["))


def older_tokenizer(dir):
    """Has the tokenizer as older folders do: tokens and merges in files of their own."""
    path = os.path.join(dir, "tokenizer.json")
    with open(path) as f:
        model = json.load(f)["model"]
    os.remove(path)
    with open(os.path.join(dir, "vocab.json"), "w") as f:
        json.dump(model["vocab"], f)
    with open(os.path.join(dir, "merges.txt"), "w") as f:
        f.write("\n".join(["#version: 0.2"] + [" ".join(m) for m in model["merges"]]) + "\n")


def vectors(model, sentences):
    """The ids, the mask and the vectors of sentences, all padded to the longest."""
    static = isinstance(model[0], StaticEmbedding)
    if static:
        rows = [e.ids for e in model[0].tokenizer.encode_batch(sentences, add_special_tokens=False)]
    else:
        length = model.max_seq_length
        rows = [model.tokenizer(s, truncation=True, max_length=length)["input_ids"] for s in sentences]
    longest = max(len(row) for row in rows)
    ids = [row + [0] * (longest - len(row)) for row in rows]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    return ids, mask, model.encode(sentences, convert_to_tensor=True).float().cpu()


def tiny_sentences(dir, modules):
    model = SentenceTransformer(modules=modules, device="cpu").eval()
    model.save(dir, create_model_card=False)
    ids, mask, values = vectors(model, SENTENCES[:4])
    write_golden(dir, ids, mask, vectors=values)


def tiny(out):
    torch.manual_seed(1)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    bert = dict(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=9)
    at = lambda name: os.path.join(out, name)
    tiny_transformer(at("bert"), BertModel(BertConfig(**bert)), torch.float32, 0)
    roberta = bert | dict(num_hidden_layers=1, max_position_embeddings=11, type_vocab_size=1, layer_norm_eps=1e-5)
    tiny_transformer(at("roberta"), RobertaModel(RobertaConfig(**roberta), add_pooling_layer=False), torch.float16, 1)
    distil = dict(vocab_size=len(WORDS), dim=16, n_layers=1, n_heads=2, hidden_dim=24, max_position_embeddings=9)
    tiny_transformer(at("distilbert"), DistilBertModel(DistilBertConfig(**distil)), torch.bfloat16, 0)

    source = at("source")
    model = BertModel(BertConfig(**bert | dict(num_hidden_layers=1)), add_pooling_layer=False)
    random_weights(model)
    model.save_pretrained(source)
    tokenizer = BertTokenizerFast(vocab={w: i for i, w in enumerate(WORDS)}, do_lower_case=True)
    tokenizer.save_pretrained(source)
    dense = Dense(16, 16)
    random_weights(dense)
    tiny_sentences(at("sentence"), [Transformer(source, max_seq_length=8), Pooling(16, pooling_mode="cls"), dense, Normalize()])
    static = StaticEmbedding(Tokenizer.from_file(os.path.join(source, "tokenizer.json")), embedding_dim=8)
    random_weights(static)
    tiny_sentences(at("static"), [static, Normalize()])
    shutil.rmtree(source)

    clip = dict(vocab_size=64, hidden_size=16, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=9, projection_dim=12)
    # An end of 2, as configurations once said, is that of the highest id.
    text = clip | dict(num_hidden_layers=2, hidden_act="gelu", bos_token_id=0, eos_token_id=2)
    tiny_clip(at("clip_text"), CLIPTextModel(CLIPTextConfig(**text)), torch.float16, clip_tokenizer(False))
    older_tokenizer(at("clip_text"))
    projected = CLIPTextConfig(**clip | dict(bos_token_id=0, eos_token_id=1))
    tiny_clip(at("clip_projection"), CLIPTextModelWithProjection(projected), torch.float32, clip_tokenizer(True))
    pictures = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=8, patch_size=4, hidden_act="gelu")
    whole = CLIPModel(CLIPConfig(text_config=clip | dict(bos_token_id=62, eos_token_id=63), vision_config=pictures, projection_dim=12))
    tiny_clip(at("clip"), whole, torch.bfloat16, clip_tokenizer(False))
    tiny_pictures(at("clip"), whole, 8)
    tiny_open_clip(at("open_clip"))


def golden(folder, out):
    os.makedirs(out, exist_ok=True)
    ids, mask, values = vectors(SentenceTransformer(folder, device="cpu"), SENTENCES)
    write_golden(out, ids, mask, vectors=values)
    with open(os.path.join(out, "folder"), "w") as f:
        f.write(os.path.abspath(folder))


def same(folder, other):
    a, b = (SentenceTransformer(f, device="cpu").encode(SENTENCES) for f in (folder, other))
    print(f"largest difference of {a.size} numbers: {np.abs(a - b).max():.3g}")


def exported(folder, texts, vectors):
    """Rows that Alike dropped, having no text, are left out here too."""
    with open(texts) as f:
        sentences = [" ".join(line.split()) for line in f if line.strip()]
    ours = np.load(vectors)
    theirs = SentenceTransformer(folder, device="cpu").encode(sentences)
    print(f"{len(sentences)} texts, largest value {np.abs(theirs).max():.3g}, largest difference {np.abs(ours - theirs).max():.3g}")


def random_clip(dir):
    torch.manual_seed(2)
    text = dict(vocab_size=64, hidden_size=64, intermediate_size=256, num_hidden_layers=4, num_attention_heads=4, bos_token_id=62, eos_token_id=63)
    pictures = dict(hidden_size=96, intermediate_size=384, num_hidden_layers=6, num_attention_heads=6, image_size=112, patch_size=16)
    CLIPModel(CLIPConfig(text_config=text, vision_config=pictures, projection_dim=48)).save_pretrained(dir)
    clip_tokenizer(False).save_pretrained(dir)
    CLIPImageProcessor(size={"shortest_edge": 112}, crop_size=112).save_pretrained(dir)
    os.makedirs(os.path.join(dir, "data", "pictures"), exist_ok=True)
    for i, (width, height) in enumerate([(112, 112), (200, 130), (131, 300), (640, 481), (80, 90)]):
        noise(width, height).save(os.path.join(dir, "data", "pictures", f"{i}.png"))
    with open(os.path.join(dir, "data", "texts.txt"), "w") as f:
        f.write("".join(c + "\n" for c in CAPTIONS))


def clip(folder, pictures, picture_vectors, texts, text_vectors):
    model, processor, tokenizer = CLIPModel.from_pretrained(folder).float().eval(), CLIPImageProcessor.from_pretrained(folder), CLIPTokenizer.from_pretrained(folder)
    with open(picture_vectors + ".items.jsonl") as f:
        files = [json.loads(line)["path"] for line in f]
    with open(texts) as f:
        captions = [line.strip() for line in f if line.strip()]
    pixels = processor(images=[Image.open(os.path.join(pictures, f)).convert("RGB") for f in files], return_tensors="pt")["pixel_values"]
    tokens = tokenizer(captions, truncation=True, max_length=model.config.text_config.max_position_embeddings, padding=True, return_tensors="pt")
    with torch.no_grad():
        theirs = [model.get_image_features(pixels).pooler_output.numpy(), model.get_text_features(**tokens).pooler_output.numpy()]
        scale = model.logit_scale.exp().item()
    ours = [np.load(picture_vectors), np.load(text_vectors)]
    unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)
    for what, a, b in zip(["pictures", "texts"], theirs, ours):
        print(f"{len(a)} {what}: largest value {np.abs(a).max():.3g}, largest difference {np.abs(a - b).max():.3g}, least cosine {(unit(a) * unit(b)).sum(1).min():.7f}")
        print("  of each:", " ".join(f"{d:.2g}" for d in np.abs(a - b).max(1)))
    logits = [scale * unit(p) @ unit(t).T for p, t in (theirs, ours)]
    print(f"logits: scale {scale:.4g}, largest difference {np.abs(logits[0] - logits[1]).max():.3g}")
    print("  of each picture:", " ".join(f"{d:.2g}" for d in np.abs(logits[0] - logits[1]).max(1)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tiny", "golden", "same", "exported", "random_clip", "clip"])
    parser.add_argument("folders", nargs="+")
    args = parser.parse_args()
    globals()[args.what](*args.folders)
