package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// readNormalizers reads the steps of normalization, in order. Where BERT's is the only one, it is returned as well.
func readNormalizers(raw json.RawMessage, c config) (list []normalizer, bert *bertNormalizer, err error) {
	if isNull(raw) {
		return nil, nil, nil
	}
	s, err := readStep(raw)
	if err != nil {
		return nil, nil, err
	}
	one := func(n normalizer) ([]normalizer, *bertNormalizer, error) { return []normalizer{n}, nil, nil }
	switch s.Type {
	case "Sequence":
		for _, part := range s.Normalizers {
			steps, _, err := readNormalizers(part, c)
			if err != nil {
				return nil, nil, err
			}
			list = append(list, steps...)
		}
		return list, nil, nil
	case "BertNormalizer":
		var n bertNormalizer
		if err := json.Unmarshal(raw, &n); err != nil {
			return nil, nil, err
		}
		n = c.override(n)
		return []normalizer{n.normalizer()}, &n, nil
	case "NFC":
		return one(form(norm.NFC))
	case "NFD":
		return one(form(norm.NFD))
	case "NFKC":
		return one(form(norm.NFKC))
	case "NFKD":
		return one(form(norm.NFKD))
	case "Lowercase":
		return one(lowercase)
	case "StripAccents":
		return one(stripMarks)
	case "Strip":
		return one(trim(s.Left, s.Right))
	case "Nmt":
		return one(nmt)
	case "Prepend":
		return one(prepend(s.Prepend))
	case "ByteLevel":
		return one(byteLevelText)
	case "Precompiled":
		m, err := readCharsMap(s.CharsMap)
		if err != nil {
			return nil, nil, fmt.Errorf("the precompiled_charsmap cannot be read: %w", err)
		}
		return one(m.normalize)
	case "Replace":
		p, err := s.Pattern.compile()
		if err != nil {
			return nil, nil, fmt.Errorf("step Replace: %w", err)
		}
		return one(replaceAll(p, s.Content))
	}
	return nil, nil, unknownType("normalizer", s.Type, "BertNormalizer", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents",
		"Strip", "Nmt", "Precompiled", "Prepend", "ByteLevel", "Replace", "Sequence")
}

// readSplitter reads the steps that split normalized text into words. Without any, all of it is one word.
func readSplitter(raw json.RawMessage) (splitter, error) {
	if isNull(raw) {
		return inTurn(nil), nil
	}
	s, err := readStep(raw)
	if err != nil {
		return nil, err
	}
	if s.Behaviour != "" && !s.Behaviour.known() {
		return nil, fmt.Errorf("%s: the behavior %q is not known", s.Type, s.Behaviour)
	}
	switch s.Type {
	case "Sequence":
		var list []splitter
		for _, part := range s.PreTokenizers {
			next, err := readSplitter(part)
			if err != nil {
				return nil, err
			}
			list = append(list, next)
		}
		return inTurn(list), nil
	case "BertPreTokenizer":
		return bertSplitter, nil
	case "WhitespaceSplit":
		return splitAtSpaces, nil
	case "Whitespace":
		return splitBy(wordsAndSigns, removedMatches, true), nil
	case "Punctuation":
		if s.Behaviour == "" {
			s.Behaviour = isolatedMatches
		}
		return splitBy(oneRune(isPunctuation), s.Behaviour, false), nil
	case "Digits":
		if s.Individual {
			return splitBy(oneRune(isNumber), isolatedMatches, false), nil
		}
		return splitBy(oneRune(isNumber), contiguousMatches, false), nil
	case "CharDelimiterSplit":
		if s.Delimiter == "" {
			return nil, errors.New("step CharDelimiterSplit has no delimiter")
		}
		return splitBy(literal(s.Delimiter), removedMatches, false), nil
	case "Split":
		p, err := s.Pattern.compile()
		if err != nil {
			return nil, fmt.Errorf("step Split: %w", err)
		}
		if s.Behaviour == "" {
			return nil, errors.New("step Split has no behavior")
		}
		return splitBy(p, s.Behaviour, s.Invert), nil
	case "ByteLevel":
		return byteLevelSplitter(s.PrefixSpace == nil || *s.PrefixSpace, s.UseRegex == nil || *s.UseRegex), nil
	case "Metaspace":
		return metaspaceSplitter(s)
	}
	return nil, unknownType("pre_tokenizer", s.Type, "BertPreTokenizer", "WhitespaceSplit", "Whitespace", "Punctuation", "Digits",
		"CharDelimiterSplit", "Split", "ByteLevel", "Metaspace", "Sequence")
}

// byteLevelSplitter splits as GPT-2 does, if split is set, and writes every byte as a character.
func byteLevelSplitter(prefixSpace, split bool) splitter {
	words := inTurn(nil)
	if split {
		words = splitBy(gpt2Pattern, isolatedMatches, false)
	}
	return func(text []byte, begins bool, next func([]byte, bool) bool) bool {
		if prefixSpace && len(text) > 0 && text[0] != ' ' {
			text = append([]byte{' '}, text...)
		}
		var letters []byte
		return words(text, begins, func(part []byte, begins bool) bool {
			letters = appendByteLetters(letters[:0], part)
			return next(letters, begins)
		})
	}
}

// metaspaceSplitter writes spaces as another character, and puts one before the text, as SentencePiece does.
func metaspaceSplitter(s step) (splitter, error) {
	mark := "▁"
	if s.Replacement != nil {
		mark = *s.Replacement
	}
	if utf8.RuneCountInString(mark) != 1 {
		return nil, fmt.Errorf("step Metaspace: the replacement %q is not one character", mark)
	}
	scheme := s.PrependScheme
	switch {
	case scheme == "" && s.PrefixSpace != nil && !*s.PrefixSpace:
		scheme = "never"
	case scheme == "":
		scheme = "always"
	case !slices.Contains([]string{"always", "first", "never"}, scheme):
		return nil, fmt.Errorf("step Metaspace: the prepend_scheme %q is not known", scheme)
	}
	words := inTurn(nil)
	if s.Split == nil || *s.Split {
		words = splitBy(literal(mark), mergedWithBehind, false)
	}
	replace := replaceAll(literal(" "), mark)
	return func(text []byte, begins bool, next func([]byte, bool) bool) bool {
		text = replace(text)
		if (scheme == "always" || scheme == "first" && begins) && len(text) > 0 && !bytes.HasPrefix(text, []byte(mark)) {
			text = append([]byte(mark), text...)
		}
		return words(text, begins, next)
	}, nil
}

// A templateItem is a special token, or the place of the text.
type templateItem struct {
	SpecialToken *struct {
		ID string `json:"id"`
	}
	Sequence *struct {
		ID string `json:"id"`
	}
}

type templateSpecials struct {
	IDs []int32 `json:"ids"`
}

// readProcessor reads which special tokens stand before and behind a text.
func (t *Tokenizer) readProcessor(raw json.RawMessage) error {
	if isNull(raw) {
		return nil
	}
	s, err := readStep(raw)
	if err != nil {
		return err
	}
	switch s.Type {
	case "Sequence":
		for _, part := range s.Processors {
			if err := t.readProcessor(part); err != nil {
				return err
			}
		}
	case "ByteLevel": // concerns places in the text
	case "BertProcessing", "RobertaProcessing":
		return t.surround([]int32{s.CLS.id}, []int32{s.SEP.id})
	case "TemplateProcessing":
		var before, behind []int32
		place := &before
		for _, item := range s.Single {
			switch {
			case item.Sequence != nil && place == &behind:
				return errors.New("the template for one text has it twice")
			case item.Sequence != nil:
				place = &behind
			case item.SpecialToken != nil:
				specials, known := s.SpecialTokens[item.SpecialToken.ID]
				if !known {
					return fmt.Errorf("the template names %q, which is none of its special_tokens", item.SpecialToken.ID)
				}
				*place = append(*place, specials.IDs...)
			}
		}
		if place != &behind {
			return errors.New("the template for one text has no place for it")
		}
		return t.surround(before, behind)
	default:
		return unknownType("post_processor", s.Type, "TemplateProcessing", "BertProcessing", "RobertaProcessing", "ByteLevel", "Sequence")
	}
	return nil
}

// surround puts special tokens around what surrounds the text already.
func (t *Tokenizer) surround(before, behind []int32) error {
	for _, id := range slices.Concat(before, behind) {
		if id < 0 || int(id) >= len(t.tokens) {
			return fmt.Errorf("a special token has the id %d; the vocabulary's are 0 to %d", id, len(t.tokens)-1)
		}
	}
	t.prefix, t.suffix = slices.Concat(before, t.prefix), slices.Concat(t.suffix, behind)
	return nil
}
