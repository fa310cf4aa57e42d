package token

import "strings"

// A decoder makes text of tokens.
type decoder interface {
	text(tokens []string) string
}

// Decode returns a text for ids, to look at: special tokens and ids outside the vocabulary are left out. What the vocabulary
// does not tell apart, as capitals or the number of spaces, is not what it was.
func (t *Tokenizer) Decode(ids []int32) string {
	var tokens []string
	for _, id := range ids {
		if token := t.Token(id); token != "" && !t.isSpecial(id) {
			tokens = append(tokens, token)
		}
	}
	return t.show.text(tokens)
}

func (t *Tokenizer) isSpecial(id int32) bool { return t.specials[id] }

// wordPieceDecoder joins what the prefix marks as inside a word, and takes out the spaces that were not there before
// punctuation and English contractions, as the reference's cleanup does.
type wordPieceDecoder struct {
	prefix  string
	cleanup bool
}

func (d wordPieceDecoder) text(tokens []string) string {
	var b strings.Builder
	for i, token := range tokens {
		piece, inside := strings.CutPrefix(token, d.prefix)
		switch {
		case i == 0:
			piece = token
		case !inside:
			piece = " " + token
		}
		if d.cleanup {
			piece = withoutSpaces.Replace(piece)
		}
		b.WriteString(piece)
	}
	return b.String()
}

var withoutSpaces = strings.NewReplacer(" .", ".", " ?", "?", " !", "!", " ,", ",", " ' ", "'", " n't", "n't", " 'm", "'m",
	" do not", " don't", " 's", "'s", " 've", "'ve", " 're", "'re")
