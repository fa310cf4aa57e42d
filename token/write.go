package token

import (
	"bytes"
	"encoding/json"
	"strings"
)

// orderedVocab is written as an object from tokens to ids, in the order of the ids.
type orderedVocab []string

func (v orderedVocab) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for id, token := range v {
		name, err := json.Marshal(token)
		if err != nil {
			return nil, err
		}
		if id > 0 {
			b.WriteByte(',')
		}
		b.Write(name)
		b.WriteByte(':')
		number, err := json.Marshal(id)
		if err != nil {
			return nil, err
		}
		b.Write(number)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// object is a part of a JSON file that is written and not read.
type object map[string]any

// specialTokens lists the first tokens of a vocabulary as added_tokens. Lstrip is the one that takes the space before it along.
func specialTokens(names []string, lstrip string) []added {
	list := make([]added, len(names))
	for id, name := range names {
		list[id] = added{ID: int32(id), Content: name, Special: true, LStrip: name == lstrip}
	}
	return list
}

// around is the template of one text between two special tokens.
func around(vocab []string, before, behind string) object {
	special := func(name string, sequence int) object {
		return object{"SpecialToken": object{"id": name, "type_id": sequence}}
	}
	text := func(name string, sequence int) object {
		return object{"Sequence": object{"id": name, "type_id": sequence}}
	}
	named := object{}
	for id, token := range vocab {
		if token == before || token == behind {
			named[token] = object{"id": token, "ids": []int{id}, "tokens": []string{token}}
		}
	}
	return object{
		"type":           "TemplateProcessing",
		"single":         []object{special(before, 0), text("A", 0), special(behind, 0)},
		"pair":           []object{special(before, 0), text("A", 0), special(behind, 0), text("B", 1), special(behind, 1)},
		"special_tokens": named,
	}
}

// bertFiles are the files of a WordPiece tokenizer: BERT's own two, and the one that says all.
func bertFiles(vocab []string, lowercase bool) (folder, error) {
	return jsonFiles(file{vocabFile, []byte(strings.Join(vocab, "\n") + "\n")},
		object{
			"tokenizer_class": "BertTokenizer", "do_lower_case": lowercase, "strip_accents": nil, "tokenize_chinese_chars": true,
			"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
		},
		object{
			"version": "1.0", "truncation": nil, "padding": nil,
			"added_tokens":   specialTokens(bertSpecials, ""),
			"normalizer":     object{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": lowercase},
			"pre_tokenizer":  object{"type": "BertPreTokenizer"},
			"post_processor": around(vocab, "[CLS]", "[SEP]"),
			"decoder":        object{"type": "WordPiece", "prefix": insideMark, "cleanup": true},
			"model": object{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": insideMark,
				"max_input_chars_per_word": wordPieceRunes, "vocab": orderedVocab(vocab)},
		})
}

// byteFiles are the files of a byte-level tokenizer, in the manner of RoBERTa's.
func byteFiles(vocab []string, merges [][2]string, lowercase bool) (folder, error) {
	var normalizer any
	if lowercase {
		normalizer = object{"type": "Lowercase"}
	}
	level := object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	return jsonFiles(file{},
		object{
			"tokenizer_class": "PreTrainedTokenizerFast",
			"pad_token":       "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>",
		},
		object{
			"version": "1.0", "truncation": nil, "padding": nil,
			"added_tokens":   specialTokens(byteSpecials, "<mask>"),
			"normalizer":     normalizer,
			"pre_tokenizer":  level,
			"post_processor": around(vocab, "<s>", "</s>"),
			"decoder":        level,
			"model": object{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
				"fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": orderedVocab(vocab), "merges": merges},
		})
}

// jsonFiles adds the two JSON files to a folder with first in it, when it has a name.
func jsonFiles(first file, settings, tokenizer object) (folder, error) {
	var files folder
	if first.name != "" {
		files = append(files, first)
	}
	for _, f := range []struct {
		name    string
		content object
	}{{configFile, settings}, {jsonFile, tokenizer}} {
		content, err := json.MarshalIndent(f.content, "", " ")
		if err != nil {
			return nil, err
		}
		files = append(files, file{f.name, append(content, '\n')})
	}
	return files, nil
}
