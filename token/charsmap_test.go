package token

import (
	"encoding/base64"
	"testing"
)

func FuzzCharsMapTakesAnyBytes(f *testing.F) {
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
