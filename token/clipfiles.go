package token

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The files of CLIP's tokenizer in older folders of transformers: tokens with their ids, and a merge a line.
const (
	vocabJSONFile = "vocab.json"
	mergesFile    = "merges.txt"
)

// The special tokens of CLIP's tokenizer as transformers has it. There is no other with the first one.
const (
	clipBegin = "<|startoftext|>"
	clipStop  = "<|endoftext|>"
)

// clipSteps are those of CLIP's tokenizer (transformers, tokenization_clip.py), as a tokenizer.json has them but for its model, and for the
// ids of the special tokens, which are filled in.
const clipSteps = `{
	"added_tokens": [{"id": %[1]d, "content": "<|startoftext|>", "special": true}, {"id": %[2]d, "content": "<|endoftext|>", "special": true}],
	"normalizer": {"type": "Sequence", "normalizers": [
		{"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"}]},
	"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
		{"type": "Split", "pattern": {"Regex": "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"},
			"behavior": "Removed", "invert": true},
		{"type": "ByteLevel", "add_prefix_space": false}]},
	"post_processor": {"type": "RobertaProcessing", "sep": ["<|endoftext|>", %[2]d], "cls": ["<|startoftext|>", %[1]d],
		"trim_offsets": false, "add_prefix_space": false},
	"decoder": {"type": "BPEDecoder", "suffix": "</w>"}
}`

// parseCLIPFiles makes CLIP's tokenizer of vocab.json, merges.txt, whose first line may be its version, and tokenizer_config.json, which may
// be nil. Other byte-pair tokenizers have files of these names, and take other steps: to read them is an error.
func parseCLIPFiles(vocab, merges, settings []byte) (*Tokenizer, error) {
	c, err := parseConfig(settings)
	if err != nil {
		return nil, err
	}
	var ids map[string]int32
	if err := json.Unmarshal(vocab, &ids); err != nil {
		return nil, fmt.Errorf("%s: %w", vocabJSONFile, err)
	}
	for _, special := range []string{clipBegin, clipStop} {
		if _, known := ids[special]; !known {
			return nil, fmt.Errorf("%s: there is no token %s: of the tokenizers with this file only CLIP's can be read; load it with transformers and save it with save_pretrained, which writes %s", vocabJSONFile, special, jsonFile)
		}
	}
	unknown, suffix := clipStop, endOfWord
	model := modelJSON{Type: "BPE", Vocab: vocab, Unknown: &unknown, Suffix: &suffix}
	for i, line := range strings.Split(strings.TrimSpace(string(merges)), "\n") {
		if line = strings.TrimSpace(line); line == "" || i == 0 && strings.HasPrefix(line, "#version") {
			continue
		}
		first, second, found := strings.Cut(line, " ")
		if !found || strings.Contains(second, " ") {
			return nil, fmt.Errorf("%s: line %d, %q, is not two tokens", mergesFile, i+1, line)
		}
		model.Merges = append(model.Merges, mergeJSON{first, second})
	}
	var j tokenizerJSON
	if err := json.Unmarshal(fmt.Appendf(nil, clipSteps, ids[clipBegin], ids[clipStop]), &j); err != nil {
		return nil, err
	}
	if j.Model, err = json.Marshal(model); err != nil {
		return nil, err
	}
	t, err := j.tokenizer(c)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", vocabJSONFile, mergesFile, err)
	}
	return t, nil
}
