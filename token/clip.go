package token

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
)

// CLIPContext is how many tokens CLIP reads, special ones included: what is longer is cut to it, the last token being the end of the
// text, whose hidden state is the text's embedding.
const CLIPContext = 77

const (
	clipMerges = 49152 - 256 - 2 // so many of the file's are in the vocabulary
	clipStart  = "<start_of_text>"
	clipEnd    = "<end_of_text>"
	endOfWord  = "</w>"

	// clipBytes bounds what a damaged file may unpack to; the whole one has 3 MB.
	clipBytes = 64 << 20
)

// parseCLIP makes CLIP's tokenizer of its packed merges: 256 bytes, the same at a word's end, merges, two special tokens. Texts are cleaned
// as open_clip's SimpleTokenizer cleans them (see cleanCaption); Pad is 0, which is not the end of a text.
func parseCLIP(packed []byte) (*Tokenizer, error) {
	lines, err := clipLines(packed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", clipFile, err)
	}
	t := &Tokenizer{ids: map[string]int32{}, special: noSpecial}
	add := func(token string) int32 {
		id := int32(len(t.tokens))
		t.setToken(token, id)
		return id
	}
	for _, end := range []string{"", endOfWord} {
		for b := range 256 {
			if byteLetters[b] == rune(b) { // first those that can be seen
				add(string(byteLetters[b]) + end)
			}
		}
		for b := range 256 {
			if byteLetters[b] != rune(b) {
				add(string(byteLetters[b]) + end)
			}
		}
	}
	model := &bytePairs{ids: t.ids, merges: make(map[pair]merge, len(lines)), unknown: -1, suffix: endOfWord}
	for i, line := range lines {
		first, second, found := strings.Cut(line, " ")
		if !found || strings.Contains(second, " ") {
			return nil, fmt.Errorf("%s: line %d, %q, is not two tokens", clipFile, i+2, line)
		}
		add(first + second)
		if err := model.addMerge(first, second, int32(i)); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", clipFile, i+2, err)
		}
	}
	t.special.CLS, t.special.SEP = add(clipStart), add(clipEnd)
	t.prefix, t.suffix = []int32{t.special.CLS}, []int32{t.special.SEP}
	t.specials = map[int32]bool{t.special.CLS: true, t.special.SEP: true}
	t.words = &clipScanner{start: t.special.CLS, end: t.special.SEP}
	t.model = model
	t.show = func(tokens []string) []string { return byteLevelDecoder(suffixDecoder(endOfWord)(tokens)) }
	return t, nil
}

// clipLines unpacks the merges that are in the vocabulary. The first line is the file's version.
func clipLines(packed []byte) ([]string, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(reader, clipBytes))
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) < 2 {
		return nil, errors.New("there are no merges in it")
	}
	return lines[1:min(len(lines), clipMerges+1)], nil
}

// A clipScanner cleans a caption and splits it as CLIP does. It finds the special tokens in the cleaned text.
type clipScanner struct{ start, end int32 }

func (s *clipScanner) scan(to sink, b *buffers, text []byte, _ bool) bool {
	text = cleanCaption(text)
	for at := 0; at < len(text); {
		start, end := clipWord(text, at)
		if special, id := s.special(text[start:]); special > 0 {
			if !to.token(id) {
				return false
			}
			at = start + special
			continue
		}
		if bytes.HasPrefix(text[start:], longS) {
			end = start + len(longS)
		}
		b.word = appendByteLetters(b.word[:0], text[start:end])
		if !to.word(b.word) {
			return false
		}
		at = end
	}
	return true
}

// longS is a contraction too: ſ is an s to an expression that does not tell small letters from capitals.
var longS = []byte("'ſ")

// special returns the length of the special token that text begins with, 0 for none.
func (s *clipScanner) special(text []byte) (length int, id int32) {
	switch {
	case bytes.HasPrefix(text, []byte(clipStart)):
		return len(clipStart), s.start
	case bytes.HasPrefix(text, []byte(clipEnd)):
		return len(clipEnd), s.end
	}
	return 0, 0
}
