# Makes what the tests compare with, by Hugging Face's own code. Run in this folder: python golden.py
# pip install tokenizers==0.23.3 transformers==5.24.0
import glob
import json
import random

from tokenizers import BertWordPieceTokenizer
from transformers import BertTokenizerFast

ODD = [
    "", " ", "Ünïcödé ÀÉÎÕÜ ñ ç ß İstanbul ıI", "漢字とカナ 한국어 中文abc 𠀀𫠠𫤠", "a\0b\x01c\u200bd\ufeffe\xadf\ufffdg",
    "x" * 100, "x" * 101, "é" * 100, "é" * 101, "👍🏽👩‍👩‍👧‍👦🇫🇷 ☺️🫨", "e\u0301\u0323 o\u0302\u0301 Å Ω ﬁ ﬃ Ⅷ ①",
    "don't can't I'm you've we'll they're he'd do not", "naïve café—“quotes” ‘single’ … – «»", "[CLS] is [MASK] and [SEP][PAD][mask]",
    "tabs\tnew\nlines\r\nand\u2028more\u3000wide\xa0nbsp\x0b\x0c\x85end", "$100,000.00 3.14% #tag @user http://a.b/c?d=e&f=g",
    "ǅ Ǆ ΐ ς Σ ΑΣ ﬀ ẞ Ⱥ Ⱦ K Å ſ", "\U000e0001\U000e0041 \ufffe \U0010fffd \ue000", "ﷺ ㍿ ㎏ ½ ²", "العربية עִבְרִית हिन्दी ไทย தமிழ்",
    "\u180e \u061c \u2066x\u2069", "\u0345\u0301\u0300a", "a" + "\u0301" * 50, "unaffable ##ing ing##", "\u1885 \u1886 \u0898 \U00011938",
    "the encoder learns which things are alike, by contrastive learning.",
]


def random_lines(n):
    r = random.Random(5)
    pool = [chr(c) for c in [*range(32, 127)] * 4 + [*range(0xA0, 0x600), *range(0x2000, 0x2070)] + [0x20] * 200]
    pool += list("\t\n\r\0\x85漢字한국어\u3000👍🏽\u200d\ufe0f")
    return ["".join(r.choice(pool) for _ in range(r.randint(1, 40))) for _ in range(n)]


def wordpiece():
    """bert/vocab.txt, learned from the project's own pages; bert.json: ids and decoded text of every line, small letters and not."""
    lines = ODD + random_lines(120)
    pages = [open(f, encoding="utf-8").read() for f in sorted(glob.glob("../../*.md") + glob.glob("../../docs/*.md"))]
    trained = BertWordPieceTokenizer(lowercase=False)
    trained.train_from_iterator(pages + [p.lower() for p in pages] + ODD * 3, vocab_size=2000, limit_alphabet=500, show_progress=False)
    trained.save_model("bert")
    rows = []
    by_lowercase = [BertTokenizerFast.from_pretrained("bert", do_lower_case=l) for l in (True, False)]
    for line in lines:
        ids = [t(line)["input_ids"] for t in by_lowercase]
        rows.append({"text": line, "ids": ids[0], "cased_ids": ids[1],
                     "decoded": by_lowercase[0].decode(ids[0], skip_special_tokens=True)})
    with open("bert.json", "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


if __name__ == "__main__":
    wordpiece()
