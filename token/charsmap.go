package token

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// A charsMap is the normalization that SentencePiece compiles into its models (google/sentencepiece, normalizer.cc): texts and what
// replaces them. The texts are the keys of a double-array trie, as library Darts-clone lays it out; their values are places
// in replacements, each of which ends with a zero.
type charsMap struct {
	trie         []uint32
	replacements []byte
}

// readCharsMap reads base64 of: the trie's bytes as a little-endian number of 32 bits, the trie, the replacements.
func readCharsMap(text string) (*charsMap, error) {
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if len(content) < 4 {
		return nil, errors.New("it is too short")
	}
	size, content := binary.LittleEndian.Uint32(content), content[4:]
	if int64(size) > int64(len(content)) || size%4 != 0 || size == 0 {
		return nil, errors.New("it is cut short")
	}
	m := &charsMap{trie: make([]uint32, size/4), replacements: content[size:]}
	for i := range m.trie {
		m.trie[i] = binary.LittleEndian.Uint32(content[4*i:])
	}
	if !utf8.Valid(m.replacements) {
		return nil, errors.New("its replacements are not UTF-8")
	}
	return m, nil
}

// replacement returns what replaces the shortest of the keys that text begins with. That it then replaces all of text is what the
// reference does, and vocabularies were made with.
func (m *charsMap) replacement(text []byte) (with []byte, found bool) {
	at := offset(m.trie[0])
	for _, c := range text {
		at ^= uint32(c)
		if c == 0 || int64(at) >= int64(len(m.trie)) {
			return nil, false
		}
		unit := m.trie[at]
		if unit&(1<<31|0xff) != uint32(c) { // a leaf, or another byte's place
			return nil, false
		}
		at ^= offset(unit)
		if unit>>8&1 == 1 {
			if int64(at) >= int64(len(m.trie)) {
				return nil, false
			}
			return m.text(m.trie[at] & (1<<31 - 1))
		}
	}
	return nil, false
}

// offset is how far a unit's children lie from it.
func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// text returns the replacement that begins at a place.
func (m *charsMap) text(start uint32) (text []byte, found bool) {
	if int64(start) > int64(len(m.replacements)) {
		return nil, false
	}
	text = m.replacements[start:]
	for i, c := range text {
		if c == 0 {
			return text[:i], true
		}
	}
	return text, true
}

// longestReplaced is how many bytes of a character as readers see it, with its marks, are looked up as one; longer ones are looked
// up by their parts.
const longestReplaced = 5

func (m *charsMap) normalize(text []byte) []byte {
	out := make([]byte, 0, len(text)+8)
	for state := -1; len(text) > 0; {
		var cluster []byte
		cluster, text, _, state = uniseg.FirstGraphemeCluster(text, state)
		if len(cluster) <= longestReplaced {
			if with, found := m.replacement(cluster); found {
				out = append(out, with...)
				continue
			}
		}
		for len(cluster) > 0 {
			_, size := utf8.DecodeRune(cluster)
			if with, found := m.replacement(cluster[:size]); found {
				out = append(out, with...)
			} else {
				out = append(out, cluster[:size]...)
			}
			cluster = cluster[size:]
		}
	}
	return out
}
