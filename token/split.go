package token

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// A splitter hands the parts of a text on, in order, until next returns false. Begins is true for what is the beginning of all that
// is encoded.
type splitter func(text []byte, begins bool, next func(part []byte, begins bool) bool) bool

// inTurn splits by the first, the parts by the second, and so on.
func inTurn(list []splitter) splitter {
	switch len(list) {
	case 0:
		return func(text []byte, begins bool, next func([]byte, bool) bool) bool { return next(text, begins) }
	case 1:
		return list[0]
	}
	first, rest := list[0], inTurn(list[1:])
	return func(text []byte, begins bool, next func([]byte, bool) bool) bool {
		return first(text, begins, func(part []byte, begins bool) bool { return rest(part, begins, next) })
	}
}

// A pattern finds its first match in text from a place on; without one, start is the text's length. A match is not empty.
type pattern func(text []byte, from int) (start, end int)

// oneRune matches single characters.
func oneRune(is func(rune) bool) pattern {
	return func(text []byte, from int) (int, int) {
		start := bytes.IndexFunc(text[from:], is)
		if start < 0 {
			return len(text), len(text)
		}
		start += from
		_, size := utf8.DecodeRune(text[start:])
		return start, start + size
	}
}

// literal matches a text.
func literal(wanted string) pattern {
	return func(text []byte, from int) (int, int) {
		start := bytes.Index(text[from:], []byte(wanted))
		if start < 0 {
			return len(text), len(text)
		}
		return from + start, from + start + len(wanted)
	}
}

// A behaviour says what becomes of the matches that a text is split by.
type behaviour string

const (
	removedMatches    behaviour = "Removed"
	isolatedMatches   behaviour = "Isolated"
	mergedWithBefore  behaviour = "MergedWithPrevious"
	mergedWithBehind  behaviour = "MergedWithNext"
	contiguousMatches behaviour = "Contiguous"
)

func (b behaviour) known() bool {
	switch b {
	case removedMatches, isolatedMatches, mergedWithBefore, mergedWithBehind, contiguousMatches:
		return true
	}
	return false
}

// A stretchOf text is a match or what lies between two.
type stretchOf struct {
	start, end int
	match      bool
}

// splitBy splits where a pattern matches; invert exchanges the matches and what lies between them.
func splitBy(p pattern, b behaviour, invert bool) splitter {
	return func(text []byte, begins bool, next func([]byte, bool) bool) bool {
		var found []stretchOf
		for at := 0; at < len(text); {
			start, end := p(text, at)
			if start > at {
				found = append(found, stretchOf{at, start, invert})
			}
			if start < end {
				found = append(found, stretchOf{start, end, !invert})
			}
			at = end
		}
		for _, s := range b.join(found) {
			if !next(text[s.start:s.end], begins && s.start == 0) {
				return false
			}
		}
		return true
	}
}

// join does with matches what the behaviour says; the reference's are in its normalized_string.rs.
func (b behaviour) join(found []stretchOf) []stretchOf {
	joined := found[:0]
	matched := false // the stretch before was a match
	switch b {
	case removedMatches:
		for _, s := range found {
			if !s.match {
				joined = append(joined, s)
			}
		}
	case mergedWithBehind:
		for i := 0; i < len(found); i++ {
			s := found[i]
			if s.match && i+1 < len(found) && !found[i+1].match {
				i++
				s.end = found[i].end
			}
			joined = append(joined, s)
		}
	case mergedWithBefore:
		for _, s := range found {
			if s.match && !matched && len(joined) > 0 {
				joined[len(joined)-1].end = s.end
			} else {
				joined = append(joined, s)
			}
			matched = s.match
		}
	case contiguousMatches:
		for _, s := range found {
			if s.match == matched && len(joined) > 0 {
				joined[len(joined)-1].end = s.end
			} else {
				joined = append(joined, s)
			}
			matched = s.match
		}
	default:
		return found
	}
	return joined
}

// splitAtSpaces makes words of what lies between spaces.
var splitAtSpaces = splitBy(oneRune(unicode.IsSpace), removedMatches, false)

// bertSplitter is BERT's splitting of a normalized text.
var bertSplitter = inTurn([]splitter{splitAtSpaces, splitBy(oneRune(isPunctuation), isolatedMatches, false)})

func isPunctuation(r rune) bool { return classOf(r) == punctuation }

// isNumber tells Unicode's numbers, digits and others.
func isNumber(r rune) bool { return unicode.In(r, unicode.N) }
