# Makes what the tests compare with, by Hugging Face's own code. Run in this folder: python golden.py
# pip install tokenizers==0.23.3 transformers==5.24.0
# Vocabularies that are there are kept; remove a folder to have it learned anew.
import glob
import gzip
import json
import os
import random
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, BertWordPieceTokenizer, Regex, Tokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
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


PAGES = [open(f, encoding="utf-8").read() for f in sorted(glob.glob("../../*.md") + glob.glob("../../docs/*.md"))]


def random_lines(n):
    r = random.Random(5)
    pool = [chr(c) for c in [*range(32, 127)] * 4 + [*range(0xA0, 0x600), *range(0x2000, 0x2070)] + [0x20] * 200]
    pool += list("\t\n\r\0\x85漢字한국어\u3000👍🏽\u200d\ufe0f")
    return ["".join(r.choice(pool) for _ in range(r.randint(1, 40))) for _ in range(n)]


def wordpiece():
    """bert/vocab.txt, learned from the project's own pages; bert.json: ids and decoded text of every line, small letters and not."""
    lines = ODD + random_lines(120)
    if not os.path.exists("bert"):
        trained = BertWordPieceTokenizer(lowercase=False)
        trained.train_from_iterator(PAGES + [p.lower() for p in PAGES] + ODD * 3, vocab_size=2000, limit_alphabet=500, show_progress=False)
        os.mkdir("bert")
        trained.save_model("bert")
    rows = []
    by_lowercase = [BertTokenizerFast.from_pretrained("bert", do_lower_case=l) for l in (True, False)]
    for line in lines:
        ids = [t(line)["input_ids"] for t in by_lowercase]
        rows.append({"text": line, "ids": ids[0], "cased_ids": ids[1],
                     "decoded": by_lowercase[0].decode(ids[0], skip_special_tokens=True)})
    write_rows("bert.json", rows)


CL100K = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def train(t, trainer, **steps):
    for name, step in steps.items():
        setattr(t, name, step)
    t.train_from_iterator(PAGES + ODD * 3, trainer)
    return t


def roberta():
    t = train(Tokenizer(models.BPE()),
              trainers.BpeTrainer(vocab_size=500, show_progress=False, special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
              pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=False), decoder=decoders.ByteLevel())
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    return t


def llama():
    t = train(Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True)),
              trainers.BpeTrainer(vocab_size=600, limit_alphabet=60, show_progress=False,
                                  special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(0xE0)]),
              normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
              decoder=decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]))
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return t


def unigram():
    t = train(Tokenizer(models.Unigram()),
              trainers.UnigramTrainer(vocab_size=500, show_progress=False, unk_token="<unk>", special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"]),
              normalizer=normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]),
              pre_tokenizer=pre_tokenizers.Metaspace(), decoder=decoders.Metaspace())
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return t


def xlmr():
    """Unigram behind a normalization that SentencePiece compiled, of a few rules. pip install sentencepiece==0.2.3"""
    rules = {"e\u0301": "é", "ﬁ": "fi", "\u3000": " ", "Ａ": "A", "\r\n": " ", "①": "1", "\u200b": "", "ᵃb": "AB", "👍": "+1", "\u0323": "", "İ": "I", "\u200d": " "}
    with tempfile.TemporaryDirectory() as dir:
        with open(dir + "/rules.tsv", "w") as f:
            f.writelines("\t".join(" ".join(f"{ord(c):X}" for c in part) for part in rule) + "\n" for rule in rules.items())
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(PAGES[0].split("\n") * 2), model_prefix=dir + "/m", vocab_size=100, hard_vocab_limit=False,
                                                 normalization_rule_tsv=dir + "/rules.tsv", minloglevel=2)
        proto = sentencepiece_model_pb2.ModelProto.FromString(open(dir + "/m.model", "rb").read())
    t = train(Tokenizer(models.Unigram()),
              trainers.UnigramTrainer(vocab_size=400, show_progress=False, unk_token="<unk>", special_tokens=["<s>", "<pad>", "</s>", "<unk>"]),
              normalizer=normalizers.Sequence([normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap), normalizers.Replace(Regex(" {2,}"), " ")]),
              pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]), decoder=decoders.Metaspace())
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return t


def clip():
    t = train(Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>")),
              trainers.BpeTrainer(vocab_size=800, show_progress=False, special_tokens=["<|startoftext|>", "<|endoftext|>"], end_of_word_suffix="</w>",
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
              normalizer=normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]),
              pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CLIP), "removed", invert=True),
                                                     pre_tokenizers.ByteLevel(add_prefix_space=False)]),
              decoder=decoders.BPEDecoder())
    t.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), add_prefix_space=False, trim_offsets=False)
    return t


def cl100k():
    return train(Tokenizer(models.BPE(ignore_merges=True)),
                 trainers.BpeTrainer(vocab_size=500, show_progress=False, special_tokens=["<|endoftext|>"],
                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
                 normalizer=normalizers.NFC(),
                 pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CL100K), "isolated"),
                                                        pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)]),
                 decoder=decoders.ByteLevel())


def wordlevel():
    t = train(Tokenizer(models.WordLevel(unk_token="[UNK]")),
              trainers.WordLevelTrainer(vocab_size=700, show_progress=False, special_tokens=["[UNK]"]),
              normalizer=normalizers.Sequence([normalizers.Strip(), normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]),
              pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]))
    return t


def pieces():
    """WordPiece behind splits of every behaviour, and added tokens of every kind."""
    t = train(Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20)),
              trainers.WordPieceTrainer(vocab_size=700, show_progress=False, special_tokens=["[UNK]", "[CLS]", "[SEP]"]),
              normalizer=normalizers.BertNormalizer(strip_accents=False),
              pre_tokenizer=pre_tokenizers.Sequence([
                  pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Digits(),
                  pre_tokenizers.Split("a", "merged_with_previous"), pre_tokenizers.Split(Regex("[ou]"), "merged_with_next"),
                  pre_tokenizers.CharDelimiterSplit("x")]),
              decoder=decoders.WordPiece())
    t.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    t.add_tokens([AddedToken("things", normalized=True), AddedToken("ik", single_word=True), AddedToken("con", rstrip=True, normalized=False),
                  AddedToken("learns which", lstrip=True, rstrip=True)])
    return t


def tokenizer_jsons():
    """json/NAME/tokenizer.json, each learned from the project's pages, and json/NAME.json: ids and decoded text of every line."""
    lines = ODD + ["Things con  artists; ik ikon, the encoder learns  which   <mask>  are <s>", "I'LL we'Ll they'd 1234567 x\r\n\r\n  y  \n", "▁ <0x41> <|endoftext|>",
                   "  leading and trailing  ", "a" * 300, "ab" * 200] + random_lines(60)
    for make in (roberta, llama, unigram, xlmr, clip, cl100k, wordlevel, pieces):
        folder = f"json/{make.__name__}"
        if not os.path.exists(folder):
            os.makedirs(folder)
            make().save(folder + "/tokenizer.json", pretty=False)
        t = Tokenizer.from_file(folder + "/tokenizer.json")
        rows = []
        for line in lines:
            ids = t.encode(line).ids
            rows.append({"text": line, "ids": ids, "decoded": t.decode(ids)})
        write_rows(f"json/{make.__name__}.json", rows)


def write_rows(name, rows):
    with open(name, "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


CAPTIONS = [
    "keycap: #", "woman and man holding hands: medium-light skin tone, dark skin tone", "A Photo of a cat, isn't it?", "flag: Côte d’Ivoire",
    "&lt;b&gt; &amp;amp; &amp;amp;lt; &#39;q&#39; &eacute; &EACUTE; &notit; &copy &amp &#0; &#128; &#150; &#xD800; &#x110000; &#1; &#xfdd0; & &; &#; &#x;",
    "a < b &rsquo;s\nnext &rsquo;s line", "a &rsquo;s\nnext < &rsquo;s line\nthird &rsquo;", "“curly” ‘quotes’ it’s", "ΑΣ ΑΣΑ ΣΑ Α.Σ Α.ΣΑ ΣΣ",
    "'ſ can't CAN'T", "<start_of_text>hello<end_of_text> world <START_OF_TEXT>", "<|startoftext|> x", "\x1b[31mred\x1b[0m \x1b plain",
    "ﬁ ﬄ ŉ Ǆ Ĳ", "ＦＵＬＬ　width ｶﾅ", "a\r\nb\rc\u2028d", "\x80\x93\x85", " ".join(["word"] * 100), "123 4567 ½", "  many   spaces\t\n",
    "🧑🏽‍🚀 🏴󠁧󠁢󠁷󠁬󠁳󠁿 ❤️", "don't we'll they're I'm he'd you've it's", "snake_case __init__ a-b-c!!! ???", "&hellip;&nbsp;&ThinSpace;x&bigstar;", "\ufeffbom",
    "&#13;&#10;&#x85;&#x2028;", "&AMP; &AMP &LT;x&GT; &Amp;", "&acutee; &notin; &noti;n",
]


def clip_merges():
    """clip/bpe_simple_vocab_16e6.txt.gz, the merges of json/clip in CLIP's own format, and clip.json: ids by open_clip's SimpleTokenizer,
    cut to 77. pip install open_clip_torch==3.3.0 ftfy==6.3.1"""
    from ftfy import fix_encoding
    from ftfy.fixes import fix_c1_controls
    from open_clip.tokenizer import SimpleTokenizer
    name = "clip/bpe_simple_vocab_16e6.txt.gz"
    os.makedirs("clip", exist_ok=True)
    merges = json.load(open("json/clip/tokenizer.json", encoding="utf-8"))["model"]["merges"]
    with open(name, "wb") as f:
        f.write(gzip.compress("\n".join(["#version: 0.2"] + [" ".join(m) for m in merges]).encode(), mtime=0))
    t = SimpleTokenizer(name)
    rows = []
    for line in CAPTIONS + ODD + random_lines(60):
        if fix_encoding(line) == fix_c1_controls(line):  # ftfy does not take it for text in a wrong encoding
            whole = [t.sot_token_id] + t.encode(line) + [t.eot_token_id]
            rows.append({"text": line, "ids": whole, "cut": t(line)[0].tolist()[:min(len(whole), 77)]})
    write_rows("clip.json", rows)


if __name__ == "__main__":
    wordpiece()
    tokenizer_jsons()
    clip_merges()
