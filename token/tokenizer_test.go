package token_test

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/token"
)

func TestWhatIsTooLongLosesItsEndAndKeepsItsSpecialTokens(t *testing.T) {
	tokenizer := load(t, "testdata/bert")
	special := tokenizer.Special()
	rapid.Check(t, func(t *rapid.T) {
		text, length := rapid.String().Draw(t, "text"), rapid.IntRange(2, 40).Draw(t, "length")
		whole := tokenizer.Encode(text, 0)
		ids, cut := tokenizer.Append([]int32{7}, text, length)
		want := whole
		if len(whole) > length {
			want = append(slices.Clone(whole[:length-1]), special.SEP)
		}
		if cut != (len(whole) > length) || ids[0] != 7 || !slices.Equal(ids[1:], want) {
			t.Fatalf("cut to %d: %v %v, whole: %v", length, ids, cut, whole)
		}
		if ids[1] != special.CLS || ids[len(ids)-1] != special.SEP {
			t.Fatalf("%v does not begin and end with its special tokens", ids)
		}
	})
	if ids, cut := tokenizer.Append(nil, "which things", 1); !cut || !slices.Equal(ids, []int32{special.CLS}) {
		t.Errorf("cut to one id: %v", ids)
	}
}

func TestTokensAreThereToLookAt(t *testing.T) {
	tokenizer := load(t, "testdata/bert")
	got := tokenizer.Tokens("Tokenizers: [MASK] 漢 things")
	if diff := cmp.Diff([]string{"[CLS]", "to", "##ke", "##n", "##izer", "##s", ":", "[MASK]", "漢", "things", "[SEP]"}, got); diff != "" {
		t.Error(diff)
	}
	if id, known := tokenizer.ID("##s"); !known || tokenizer.Token(id) != "##s" {
		t.Errorf("##s is %d, which is %q", id, tokenizer.Token(id))
	}
	if tokenizer.Token(-1) != "" || tokenizer.Token(int32(tokenizer.Size())) != "" {
		t.Error("an id outside the vocabulary has a token")
	}
	if tokenizer.Size() != 2000 || tokenizer.Pad() != 0 || tokenizer.Special().Mask != 4 {
		t.Errorf("size %d, pad %d, %+v", tokenizer.Size(), tokenizer.Pad(), tokenizer.Special())
	}
}

func TestABareTokenizerHasTheTextsOwnTokens(t *testing.T) {
	for _, dir := range []string{"testdata/bert", "testdata/clip"} {
		tokenizer := load(t, dir)
		whole := tokenizer.Encode("which things", 0)
		bare := tokenizer.Bare()
		if got := bare.Encode("which things", 0); len(got) == 0 || !slices.Equal(got, whole[1:len(whole)-1]) {
			t.Errorf("%s: %v of %v", dir, got, whole)
		}
		if got := bare.Encode("", 0); len(got) != 0 || bare.Special() != tokenizer.Special() || bare.Size() != tokenizer.Size() {
			t.Errorf("%s: an empty text has the tokens %v", dir, got)
		}
		if got := bare.Encode("which things", 1); len(got) != 1 || got[0] != whole[1] {
			t.Errorf("%s: cut to one token: %v of %v", dir, got, whole)
		}
	}
}

// A word's token is the one that texts have for it, behind another word.
func TestWordsThatAreTokens(t *testing.T) {
	for dir, want := range map[string]string{"testdata/bert": "which", "testdata/clip": "which</w>"} {
		tokenizer := load(t, dir)
		for _, word := range []string{"which", "Which"} {
			id, known := tokenizer.Word(word)
			tokens := tokenizer.Tokens("things " + word)
			if !known || tokenizer.Token(id) != want || tokens[len(tokens)-2] != want {
				t.Errorf("%s: %q is %q (%v)", dir, word, tokenizer.Token(id), known)
			}
		}
		for _, word := range []string{"", " ", "which things", "xqzzyvk", "[MASK]", "\U0001F9FF\U0001F9FF"} {
			if id, known := tokenizer.Word(word); known {
				t.Errorf("%s: %q is %q", dir, word, tokenizer.Token(id))
			}
		}
	}
}

func TestManyGoroutinesGetTheSameIDs(t *testing.T) {
	tokenizer := load(t, "testdata/bert")
	rows := goldenRows(t, "bert.json")
	var group sync.WaitGroup
	for worker := range uint64(4) {
		group.Go(func() {
			for _, i := range rand.New(rand.NewPCG(worker, 0)).Perm(len(rows)) {
				if got := tokenizer.Encode(rows[i].Text, 0); !slices.Equal(got, rows[i].IDs) {
					t.Errorf("%q became %v, want %v", rows[i].Text, got, rows[i].IDs)
				}
			}
		})
	}
	group.Wait()
}

func TestSavedIsWhatWasLoaded(t *testing.T) {
	from := folder(t, map[string]string{"vocab.txt": bertVocab(t), "tokenizer_config.json": `{"do_lower_case": false}`})
	dir := t.TempDir()
	if err := load(t, from).Save(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"vocab.txt", "tokenizer_config.json"} {
		want, _ := os.ReadFile(filepath.Join(from, name))
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not what it was: %v", name, err)
		}
	}
	if got := load(t, dir).Tokens("Alike")[1]; got != "Alike" {
		t.Errorf("the saved tokenizer read Alike as %s", got)
	}
}

func TestBadFilesAreErrorsThatSayWhatAndWhere(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"an empty folder", nil, "no tokenizer.json, vocab.txt, bpe_simple_vocab_16e6.txt.gz, or vocab.json with merges.txt"},
		{"no special tokens", map[string]string{"vocab.txt": "a\nb\n"}, "vocab.txt has no token [CLS]"},
		{"not UTF-8", map[string]string{"vocab.txt": "[CLS]\nb\xff\n"}, "vocab.txt: line 2 is not UTF-8"},
		{"a torn configuration", map[string]string{"vocab.txt": bertVocab(t), "tokenizer_config.json": `{"do_lo`}, "tokenizer_config.json: unexpected end"},
		{"another class", map[string]string{"vocab.txt": bertVocab(t), "tokenizer_config.json": `{"tokenizer_class": "BertJapaneseTokenizer"}`}, "the class BertJapaneseTokenizer"},
		{"a token that is a number", map[string]string{"vocab.txt": bertVocab(t), "tokenizer_config.json": `{"cls_token": 3}`}, "tokenizer_config.json: a token is text"},
		{"a torn tokenizer.json", map[string]string{"tokenizer.json": `{"model": {`}, "tokenizer.json: unexpected end"},
		{"no model", map[string]string{"tokenizer.json": `{}`}, "tokenizer.json: model: there is none"},
		{"another model", tokenizerJSON(`"model": {"type": "Rules", "vocab": {}}`), `the model "Rules" is not supported; WordPiece, BPE`},
		{"an id that is too large", tokenizerJSON(`"model": {"type": "BPE", "vocab": {"a": 99999999}, "merges": []}`), `"a" has the id 99999999`},
		{"an id below 0", tokenizerJSON(`"added_tokens": [{"id": -2, "content": "a"}], ` + smallModel), `added_tokens: "a" has the id -2`},
		{"a merge of nothing", tokenizerJSON(`"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}`), `merge 1, "a" and "b": "ab" is not`},
		{"half a merge", tokenizerJSON(`"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}`), `the merge "a" is not two tokens`},
		{"merges by chance", tokenizerJSON(`"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1}`), "a dropout of 0.1"},
		{"no unknown token", tokenizerJSON(`"model": {"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "[UNK]"}`), `"[UNK]" is not in the vocabulary`},
		{"an unknown token outside", tokenizerJSON(`"model": {"type": "Unigram", "vocab": [["a", 0]], "unk_id": 1}`), "unk_id 1 is not in a vocabulary of 1"},
		{"another normalizer", tokenizerJSON(`"normalizer": {"type": "Upper"}, ` + smallModel), `the normalizer "Upper" is not supported`},
		{"a torn map of characters", tokenizerJSON(`"normalizer": {"type": "Precompiled", "precompiled_charsmap": "/////wAA"}, ` + smallModel), "precompiled_charsmap cannot be read: it is cut short"},
		{"another splitter", tokenizerJSON(`"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "UnicodeScripts"}]}, ` + smallModel), `pre_tokenizer "UnicodeScripts" is not`},
		{"another behaviour", tokenizerJSON(`"pre_tokenizer": {"type": "Split", "pattern": {"String": "a"}, "behavior": "Kept"}, ` + smallModel), `behavior "Kept"`},
		{"a pattern that looks behind", tokenizerJSON(`"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?<=a)b"}, "behavior": "Isolated"}, ` + smallModel), `regular expression "(?<=a)b"`},
		{"a pattern of beginnings", tokenizerJSON(`"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "^b"}, "behavior": "Isolated"}, ` + smallModel), `not supported`},
		{"another processor", tokenizerJSON(`"post_processor": {"type": "Twice"}, ` + smallModel), `the post_processor "Twice"`},
		{"special tokens outside", tokenizerJSON(`"post_processor": {"type": "BertProcessing", "cls": ["a", 0], "sep": ["x", 7]}, ` + smallModel), "a special token has the id 7; the vocabulary's are 0 to 0"},
		{"a template of nothing", tokenizerJSON(`"post_processor": {"type": "TemplateProcessing", "single": []}, ` + smallModel), "no place for it"},
		{"another decoder", tokenizerJSON(`"decoder": {"type": "CTC"}, ` + smallModel), `the decoder "CTC"`},
		{"merges that are not packed", map[string]string{"bpe_simple_vocab_16e6.txt.gz": "#version\na b\n"}, "bpe_simple_vocab_16e6.txt.gz: gzip: invalid header"},
		{"torn merges", map[string]string{"bpe_simple_vocab_16e6.txt.gz": packed(t, "#version\na b\n")[:25]}, "bpe_simple_vocab_16e6.txt.gz: unexpected EOF"},
		{"no merges", map[string]string{"bpe_simple_vocab_16e6.txt.gz": packed(t, "#version\n")}, "bpe_simple_vocab_16e6.txt.gz: there are no merges"},
		{"three at once", map[string]string{"bpe_simple_vocab_16e6.txt.gz": packed(t, "#version\na b\na b c\n")}, `line 3, "a b c", is not two tokens`},
		{"merges out of order", map[string]string{"bpe_simple_vocab_16e6.txt.gz": packed(t, "#version\nab c\na b\n")}, `line 2: merge 1, "ab" and "c": "ab" is not`},
		{"no merges beside a vocabulary", map[string]string{"vocab.json": smallCLIP}, "or vocab.json with merges.txt"},
		{"a torn vocabulary", map[string]string{"vocab.json": smallCLIP[:9], "merges.txt": ""}, "vocab.json: unexpected end"},
		{"the vocabulary of RoBERTa", map[string]string{"vocab.json": `{"<s>": 0, "</s>": 1}`, "merges.txt": ""}, "only CLIP's can be read"},
		{"three in a line", map[string]string{"vocab.json": smallCLIP, "merges.txt": "#version: 0.2\na b</w>\na b c\n"}, `merges.txt: line 3, "a b c", is not two tokens`},
		{"a merge outside the vocabulary", map[string]string{"vocab.json": smallCLIP, "merges.txt": "a b"}, `vocab.json and merges.txt: model: merge 1, "a" and "b": "b" is not`},
		{"a missing token that is named", map[string]string{"vocab.txt": bertVocab(t), "tokenizer_config.json": `{"sep_token": {"content": "</s>"}}`}, "vocab.txt has no token </s>"},
	} {
		if _, err := token.Load(folder(t, c.files)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.want)
		}
	}
}

const smallCLIP = `{"a": 0, "a</w>": 1, "b</w>": 2, "ab</w>": 3, "<|startoftext|>": 4, "<|endoftext|>": 5}`

const smallModel = `"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}`

func tokenizerJSON(fields string) map[string]string {
	return map[string]string{"tokenizer.json": "{" + fields + "}"}
}

func TestTokenizerConfigSaysWhetherLettersBecomeSmall(t *testing.T) {
	const file = `{"normalizer": {"type": "BertNormalizer", "clean_text": true, "lowercase": true, "strip_accents": null},
		"pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "a": 1, "A": 2}}}`
	for config, want := range map[string]int32{`{}`: 1, `{"do_lower_case": false}`: 2} {
		tokenizer := load(t, folder(t, map[string]string{"tokenizer.json": file, "tokenizer_config.json": config}))
		if got := tokenizer.Encode("A", 0); !slices.Equal(got, []int32{want}) {
			t.Errorf("with %s, A became %v, want %d", config, got, want)
		}
	}
}

func TestVeryLongWordsTakeNoLongerThanTheirLength(t *testing.T) {
	long := strings.Repeat("encoder", 20_000)
	for _, dir := range []string{"roberta", "unigram", "clip"} {
		tokenizer := load(t, "testdata/json/"+dir)
		if ids := tokenizer.Encode(long, 0); len(ids) < 20_000 {
			t.Errorf("%s: %d tokens", dir, len(ids))
		}
		if ids, cut := tokenizer.Append(nil, long, 32); len(ids) != 32 || !cut {
			t.Errorf("%s: %d tokens of at most 32", dir, len(ids))
		}
	}
}

func packed(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestUnusualNamesOfSpecialTokensAreRead(t *testing.T) {
	tokenizer := load(t, folder(t, map[string]string{
		"vocab.txt":             "<pad>\r\n<s>\r\n</s>\r\n[UNK]\r\nthe\r\n",
		"tokenizer_config.json": `{"tokenizer_class": "MPNetTokenizer", "cls_token": "<s>", "sep_token": {"content": "</s>"}, "pad_token": "<pad>", "mask_token": null}`,
	}))
	if got := tokenizer.Encode("the </s> end", 0); !slices.Equal(got, []int32{1, 4, 2, 3, 2}) {
		t.Error(got)
	}
	if want := (token.Special{CLS: 1, SEP: 2, Pad: 0, Unknown: 3, Mask: -1}); tokenizer.Special() != want {
		t.Errorf("%+v", tokenizer.Special())
	}
}

func FuzzEncodeTakesAnyBytes(f *testing.F) {
	for _, row := range []string{"which things", "\xff\xfe\x00", "漢\u0301 [MASK", "&#x41; &amp;lt &\x1b[3m ﬁ Σ", strings.Repeat("é", 200)} {
		f.Add(row, 5)
	}
	var all []*token.Tokenizer
	for _, dir := range []string{"bert", "clip", "json/roberta", "json/cl100k", "json/unigram", "json/xlmr", "json/pieces"} {
		all = append(all, load(f, filepath.Join("testdata", dir)))
	}
	f.Fuzz(func(t *testing.T, text string, length int) {
		for _, tokenizer := range all {
			ids, _ := tokenizer.Append(nil, text, length)
			for _, id := range ids {
				if id < 0 || int(id) >= tokenizer.Size() {
					t.Fatalf("%d is no id", id)
				}
			}
			if length > 0 && len(ids) > length {
				t.Fatalf("%d ids, at most %d", len(ids), length)
			}
			tokenizer.Decode(ids)
		}
	})
}

func FuzzTokenizerJSONTakesAnyFile(f *testing.F) {
	for _, seed := range []string{
		`{` + smallModel + `}`,
		`{"model": {"type": "BPE", "vocab": {"a": 0, "##a": 1, "aa": 2, "u": 3, "<0xC3>": 4}, "merges": [["a", "##a"]], "unk_token": "u", "fuse_unk": true,
		"continuing_subword_prefix": "##", "end_of_word_suffix": "", "byte_fallback": true, "ignore_merges": true}}`,
		`{"model": {"type": "Unigram", "vocab": [["u", 0], ["a", -1], ["aa", -1.5]], "unk_id": 0}, "pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "first"},
		"decoder": {"type": "Metaspace", "replacement": "▁"}, "post_processor": {"type": "TemplateProcessing", "special_tokens": {"u": {"ids": [0]}},
		"single": [{"SpecialToken": {"id": "u"}}, {"Sequence": {"id": "A"}}]}}`,
		`{"model": {"type": "WordPiece", "vocab": {"a": 0, "##a": 1}, "unk_token": "a"}, "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKD"},
		{"type": "Lowercase"}, {"type": "Replace", "pattern": {"Regex": "\\s+|b*"}, "content": "x"}, {"type": "BertNormalizer"}, {"type": "Prepend", "prepend": "y"}]},
		"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"String": "a"}, "behavior": "MergedWithNext"}, {"type": "Digits"},
		{"type": "Punctuation"}, {"type": "ByteLevel"}]}, "decoder": {"type": "Strip", "content": "a", "start": 1, "stop": 1},
		"added_tokens": [{"id": 2, "content": "ab", "normalized": true}, {"id": 3, "content": "b", "lstrip": true, "rstrip": true, "single_word": true}]}`,
	} {
		f.Add(seed, "Which  ab a b12 \n 漢\xff é alike?")
	}
	f.Fuzz(func(t *testing.T, content, text string) {
		tokenizer, err := token.Load(folder(t, map[string]string{"tokenizer.json": content}))
		if err != nil {
			return
		}
		ids := tokenizer.Encode(text, 0)
		for _, id := range ids {
			if id < 0 || int(id) >= tokenizer.Size() {
				t.Fatalf("%d is no id", id)
			}
		}
		tokenizer.Decode(ids)
	})
}

func FuzzLoadTakesAnyFilesOfCLIP(f *testing.F) {
	f.Add(smallCLIP, "#version: 0.2\na b</w>\n", "ab b\xff <|endoftext|>")
	f.Add(`{"<|endoftext|>": 9, "<|startoftext|>": 9}`, "", "é")
	f.Fuzz(func(t *testing.T, vocab, merges, text string) {
		tokenizer, err := token.Load(folder(t, map[string]string{"vocab.json": vocab, "merges.txt": merges}))
		if err != nil {
			return
		}
		for _, id := range tokenizer.Encode(text, 0) {
			if id < 0 || int(id) >= tokenizer.Size() {
				t.Fatalf("%d is no id", id)
			}
		}
	})
}

func FuzzLoadTakesAnyMerges(f *testing.F) {
	f.Add("#version\na b\nab c</w>\n", "ab abc &amp;amp; <start_of_text>")
	f.Add("#version\r\n\u0100 a\r\n", "")
	f.Fuzz(func(t *testing.T, merges, text string) {
		tokenizer, err := token.Load(folder(t, map[string]string{"bpe_simple_vocab_16e6.txt.gz": packed(t, merges)}))
		if err != nil {
			return
		}
		ids := tokenizer.Encode(text, 0)
		for _, id := range ids {
			if id < 0 || int(id) >= tokenizer.Size() {
				t.Fatalf("%d is no id", id)
			}
		}
		tokenizer.Decode(ids)
	})
}

func FuzzLoadTakesAnyVocabulary(f *testing.F) {
	f.Add([]byte("[CLS]\n[SEP]\n[UNK]\na\n##b"), []byte(`{"do_lower_case": false}`))
	f.Add([]byte(bertVocab(f)), []byte(`{"cls_token": {"content": "the"}}`))
	f.Fuzz(func(t *testing.T, vocab, config []byte) {
		dir := folder(t, map[string]string{"vocab.txt": string(vocab), "tokenizer_config.json": string(config)})
		if tokenizer, err := token.Load(dir); err == nil {
			tokenizer.Encode("which things are alike, ab", 0)
		}
	})
}

// TestTokensWithOneIDAreReadTheSameWayEveryTime: the last of them, by its text, is what the id is called.
func TestTokensWithOneIDAreReadTheSameWayEveryTime(t *testing.T) {
	for range 20 {
		tokenizer := load(t, folder(t, map[string]string{
			"tokenizer.json": `{"model": {"type": "WordLevel", "unk_token": "c", "vocab": {"b": 0, "c": 0, "a": 0, "d": 1}}}`,
		}))
		if got := tokenizer.Token(0) + tokenizer.Token(1); got != "cd" {
			t.Fatalf("ids 0 and 1 are called %q", got)
		}
	}
}

// A cache that is full starts anew: words that were met before it was, and after, have their own ids still.
func TestMoreWordsThanAreRemembered(t *testing.T) {
	old := load(t, filepath.Join("testdata", "bert"))
	const words = 150_000 // two caches of 65,536 and more
	word := func(i int) string { return strconv.FormatInt(int64(i), 36) }
	for i := range words {
		old.Encode(word(i), 0)
	}
	fresh := load(t, filepath.Join("testdata", "bert"))
	for i := 0; i < words; i += 997 {
		if got, want := old.Encode(word(i), 0), fresh.Encode(word(i), 0); !slices.Equal(got, want) {
			t.Fatalf("%s is %v, was %v", word(i), got, want)
		}
	}
}
