package token

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A decoder is a step from tokens to text, whose parts are joined in the end.
type decoder func(tokens []string) []string

// Decode returns a text for ids, to look at: special tokens and ids outside the vocabulary are left out. What the vocabulary
// does not tell apart, as capitals or the number of spaces, is not what it was.
func (t *Tokenizer) Decode(ids []int32) string {
	var tokens []string
	for _, id := range ids {
		if token := t.Token(id); token != "" && !t.specials[id] {
			tokens = append(tokens, token)
		}
	}
	return strings.Join(t.show(tokens), "")
}

// withSpaces is the decoder of a vocabulary of words.
func withSpaces(tokens []string) []string { return []string{strings.Join(tokens, " ")} }

// wordPieceDecoder joins what the prefix marks as inside a word, and takes out the spaces that were not there before
// punctuation and English contractions, as the reference's cleanup does.
func wordPieceDecoder(prefix string, cleanup bool) decoder {
	return func(tokens []string) []string {
		text := make([]string, len(tokens))
		for i, token := range tokens {
			piece, inside := strings.CutPrefix(token, prefix)
			switch {
			case i == 0:
				piece = token
			case !inside:
				piece = " " + token
			}
			if cleanup {
				piece = withoutSpaces.Replace(piece)
			}
			text[i] = piece
		}
		return text
	}
}

var withoutSpaces = strings.NewReplacer(" .", ".", " ?", "?", " !", "!", " ,", ",", " ' ", "'", " n't", "n't", " 'm", "'m",
	" do not", " don't", " 's", "'s", " 've", "'ve", " 're", "'re")

// byteLevelDecoder makes the bytes of the characters that stand for them.
func byteLevelDecoder(tokens []string) []string {
	var b strings.Builder
	for _, token := range tokens {
		for _, r := range token {
			if c, known := byteOfLetter[r]; known {
				b.WriteByte(c)
			} else {
				b.WriteRune(r)
			}
		}
	}
	return []string{strings.ToValidUTF8(b.String(), "\uFFFD")}
}

// suffixDecoder puts a space where a token ends a word.
func suffixDecoder(suffix string) decoder {
	return func(tokens []string) []string {
		return []string{strings.TrimSuffix(strings.ReplaceAll(strings.Join(tokens, ""), suffix, " "), " ")}
	}
}

// metaspaceDecoder makes spaces of marks, and takes out the first, which is not the text's.
func metaspaceDecoder(mark string, prepended bool) decoder {
	return func(tokens []string) []string {
		text := strings.ReplaceAll(strings.Join(tokens, ""), mark, " ")
		if prepended {
			text = strings.TrimPrefix(text, " ")
		}
		return []string{text}
	}
}

// bytesOfTokens makes text of tokens like <0xE2>.
func bytesOfTokens(tokens []string) []string {
	var text []string
	var pending []byte
	flush := func() {
		if len(pending) > 0 {
			text = append(text, strings.ToValidUTF8(string(pending), "\uFFFD"))
			pending = pending[:0]
		}
	}
	for _, token := range tokens {
		if len(token) == 6 && strings.HasPrefix(token, "<0x") && token[5] == '>' {
			if c, err := strconv.ParseUint(token[3:5], 16, 8); err == nil {
				pending = append(pending, byte(c))
				continue
			}
		}
		flush()
		text = append(text, token)
	}
	flush()
	return text
}

func fuse(tokens []string) []string { return []string{strings.Join(tokens, "")} }

// stripDecoder takes up to so many of a character from the beginning and the end of each token.
func stripDecoder(char string, start, stop int) decoder {
	return func(tokens []string) []string {
		text := make([]string, len(tokens))
		for i, token := range tokens {
			for n := 0; n < start && strings.HasPrefix(token, char); n++ {
				token = token[len(char):]
			}
			for n := 0; n < stop && strings.HasSuffix(token, char); n++ {
				token = token[:len(token)-len(char)]
			}
			text[i] = token
		}
		return text
	}
}

// readDecoder reads the steps from tokens to text. Without any, tokens are joined by spaces.
func readDecoder(raw json.RawMessage) (decoder, error) {
	if isNull(raw) {
		return withSpaces, nil
	}
	s, err := readStep(raw)
	if err != nil {
		return nil, err
	}
	switch s.Type {
	case "Sequence":
		var list []decoder
		for _, part := range s.Decoders {
			next, err := readDecoder(part)
			if err != nil {
				return nil, err
			}
			list = append(list, next)
		}
		return func(tokens []string) []string {
			for _, d := range list {
				tokens = d(tokens)
			}
			return tokens
		}, nil
	case "WordPiece":
		return wordPieceDecoder(s.Prefix, s.Cleanup), nil
	case "ByteLevel":
		return byteLevelDecoder, nil
	case "BPEDecoder":
		return suffixDecoder(s.Suffix), nil
	case "Metaspace":
		mark := "▁"
		if s.Replacement != nil {
			mark = *s.Replacement
		}
		return metaspaceDecoder(mark, s.PrependScheme != "never" && (s.PrefixSpace == nil || *s.PrefixSpace)), nil
	case "ByteFallback":
		return bytesOfTokens, nil
	case "Fuse":
		return fuse, nil
	case "Strip":
		if utf8.RuneCountInString(s.Content) != 1 {
			return nil, fmt.Errorf("step Strip: %q is not one character", s.Content)
		}
		return stripDecoder(s.Content, s.Start, s.Stop), nil
	case "Replace":
		p, err := s.Pattern.compile()
		if err != nil {
			return nil, fmt.Errorf("step Replace: %w", err)
		}
		replace := replaceAll(p, s.Content)
		return func(tokens []string) []string {
			text := make([]string, len(tokens))
			for i, token := range tokens {
				text[i] = string(replace([]byte(token)))
			}
			return text
		}, nil
	}
	return nil, unknownType("decoder", s.Type, "WordPiece", "ByteLevel", "BPEDecoder", "Metaspace", "ByteFallback", "Fuse", "Strip", "Replace", "Sequence")
}
