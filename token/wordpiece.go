package token

import "unicode/utf8"

// wordPiece takes the longest token that the word begins with, then the longest that its rest begins with, and so on
// (https://arxiv.org/abs/1609.08144; google-research/bert, tokenization.py). A word whose end cannot be made is unknown as a whole.
type wordPiece struct {
	begin, inside             map[string]int32 // tokens at a word's beginning; inside it, without the mark "##"
	beginLength, insideLength int              // bytes of the longest
	unknown                   int32
	maxRunes                  int // longer words are unknown
}

const wordPieceRunes = 100 // as BERT's max_input_chars_per_word

// insideMark is what BERT's tokens inside a word begin with.
const insideMark = "##"

// newWordPiece sorts the tokens of a vocabulary. Prefix marks those inside a word.
func newWordPiece(ids map[string]int32, prefix string, unknown int32, maxRunes int) *wordPiece {
	m := &wordPiece{begin: map[string]int32{}, inside: map[string]int32{}, unknown: unknown, maxRunes: maxRunes}
	for token, id := range ids {
		m.begin[token] = id
		m.beginLength = max(m.beginLength, len(token))
		if len(token) > len(prefix) && token[:len(prefix)] == prefix {
			m.inside[token[len(prefix):]] = id
			m.insideLength = max(m.insideLength, len(token)-len(prefix))
		}
	}
	return m
}

func (m *wordPiece) appendTokens(ids []int32, word []byte) []int32 {
	start := len(ids)
	if len(word) > m.maxRunes && utf8.RuneCount(word) > m.maxRunes {
		return append(ids, m.unknown)
	}
	tokens, longest := m.begin, m.beginLength
	for len(word) > 0 {
		end := min(len(word), longest)
		id, found := tokens[string(word[:end])]
		for !found && end > 1 {
			end--
			id, found = tokens[string(word[:end])]
		}
		if !found {
			return append(ids[:start], m.unknown)
		}
		ids, word = append(ids, id), word[end:]
		tokens, longest = m.inside, m.insideLength
	}
	return ids
}
