package token

import (
	"encoding/base64"
	"encoding/binary"
	"testing"
)

// mapOfA is a charsMap, without its base64, that replaces A by what begins at a place in replacements.
func mapOfA(at uint32, replacements string) []byte {
	const root, leaf = 1, 1 // how far the children of the root, and the leaf of A, lie from them
	trie := make([]uint32, 66)
	trie[0] = root << 10
	trie[root^'A'] = leaf<<10 | 1<<8 | 'A'
	trie[root^'A'^leaf] = 1<<31 | at
	content := binary.LittleEndian.AppendUint32(nil, uint32(4*len(trie)))
	for _, unit := range trie {
		content = binary.LittleEndian.AppendUint32(content, unit)
	}
	return append(content, replacements...)
}

func TestCharsMapsReplaceWhatTheyCan(t *testing.T) {
	for _, c := range []struct {
		at                 uint32
		replacements, want string
	}{{0, "x\x00yz\x00", "xb"}, {2, "x\x00yz\x00", "yzb"}, {2, "x\x00yz", "yzb"}, {1, "x\x00", "b"}, {2, "x\x00", "b"}, {3, "x\x00", "Ab"}, {1<<31 - 1, "x\x00", "Ab"}} {
		m, err := readCharsMap(base64.StdEncoding.EncodeToString(mapOfA(c.at, c.replacements)))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(m.normalize([]byte("Ab"))); got != c.want {
			t.Errorf("replacement %d of %q: %q, want %q", c.at, c.replacements, got, c.want)
		}
	}
}

func FuzzCharsMapTakesAnyBytes(f *testing.F) {
	f.Add(mapOfA(2, "x\x00yz\x00"), "AA\u0301b")
	f.Add([]byte{8, 0, 0, 0, 0, 4, 0, 0, 0x41, 1, 0, 0, 'x', 0}, "Ae\u0301 ﬁ")
	f.Add([]byte{4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, "a")
	f.Fuzz(func(t *testing.T, content []byte, text string) {
		m, err := readCharsMap(base64.StdEncoding.EncodeToString(content))
		if err != nil {
			return
		}
		m.normalize(validUTF8([]byte(text)))
	})
}
