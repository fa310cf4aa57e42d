package token

import (
	"fmt"
	"unicode/utf8"
)

// bytePairs takes a word apart by byte-pair encoding: single characters, of which the pair that was learned first is merged until
// none is left.
type bytePairs struct {
	ids    map[string]int32
	merges map[pair]merge

	prefix, suffix string // of a token inside a word; of one at a word's end
	unknown        int32  // -1: what has no token is left out
	fuseUnknown    bool   // unknown characters side by side are one token
	byteFallback   bool   // a character without a token becomes tokens of its bytes, <0xE2>
	wholeFirst     bool   // a word that is a token is not taken apart
}

// A merge is a pair's place in the order of learning, and what it becomes.
type merge struct{ rank, id int32 }

// A waiting merge of the symbol at a position with the one behind it.
type waitingMerge struct {
	merge
	position int32
}

// A part of a word, and the parts beside it, -1 for none. A part that was merged into the one before it has id -1.
type part struct{ id, before, behind int32 }

func (m *bytePairs) appendTokens(ids []int32, word []byte) []int32 {
	if m.wholeFirst {
		if id, known := m.ids[string(word)]; known {
			return append(ids, id)
		}
	}
	start := len(ids)
	ids = m.appendCharacters(ids, word)
	return ids[:start+m.mergeAll(ids[start:])]
}

// appendCharacters appends the tokens of a word's characters.
func (m *bytePairs) appendCharacters(ids []int32, word []byte) []int32 {
	waiting := false // unknown characters have been met and not been written yet
	flush := func() {
		if waiting {
			ids, waiting = append(ids, m.unknown), false
		}
	}
	var text []byte
	for i := 0; i < len(word); {
		_, size := utf8.DecodeRune(word[i:])
		text = text[:0]
		if i > 0 {
			text = append(text, m.prefix...)
		}
		text = append(text, word[i:i+size]...)
		i += size
		if i == len(word) {
			text = append(text, m.suffix...)
		}
		if id, known := m.ids[string(text)]; known {
			flush()
			ids = append(ids, id)
			continue
		}
		if m.byteFallback {
			if withBytes, all := appendByteTokens(m.ids, ids, text); all {
				ids = withBytes // what waits goes on waiting, as in the reference
				continue
			}
		}
		if m.unknown >= 0 {
			if !m.fuseUnknown {
				flush()
			}
			waiting = true
		}
	}
	flush()
	return ids
}

// appendByteTokens appends the tokens of bytes, and reports whether all of them have one; if not, ids are as they were.
func appendByteTokens(vocab map[string]int32, ids []int32, text []byte) (with []int32, all bool) {
	start := len(ids)
	for _, c := range text {
		id, known := vocab[fmt.Sprintf("<0x%02X>", c)]
		if !known {
			return ids[:start], false
		}
		ids = append(ids, id)
	}
	return ids, true
}

// mergeAll merges in place and returns how many tokens are left. The pairs wait in a queue, so that a word of a million characters
// takes a second and not a week.
func (m *bytePairs) mergeAll(ids []int32) int {
	parts := make([]part, len(ids))
	waiting := queue[waitingMerge]{before: func(a, b waitingMerge) bool {
		return a.rank < b.rank || a.rank == b.rank && a.position < b.position
	}}
	consider := func(i int32) {
		if i < 0 || parts[i].behind < 0 {
			return
		}
		if found, known := m.merges[pair{parts[i].id, parts[parts[i].behind].id}]; known {
			waiting.push(waitingMerge{found, i})
		}
	}
	for i, id := range ids {
		parts[i] = part{id, int32(i - 1), int32(i + 1)}
	}
	if len(parts) > 0 {
		parts[len(parts)-1].behind = -1
	}
	for i := range parts {
		consider(int32(i))
	}
	for len(waiting.items) > 0 {
		next := waiting.pop()
		at := &parts[next.position]
		if at.id < 0 || at.behind < 0 {
			continue
		}
		behind := &parts[at.behind]
		if now, known := m.merges[pair{at.id, behind.id}]; !known || now != next.merge {
			continue // one of the two is no longer what it was
		}
		at.id, behind.id = next.id, -1
		at.behind = behind.behind
		if at.behind >= 0 {
			parts[at.behind].before = next.position
		}
		consider(at.before)
		consider(next.position)
	}
	n := 0
	for _, p := range parts {
		if p.id >= 0 {
			ids[n] = p.id
			n++
		}
	}
	return n
}
