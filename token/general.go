package token

// A generalScanner takes the steps that a tokenizer.json lists.
type generalScanner struct {
	normalizers []normalizer
	added       matcher // tokens that are looked for in the normalized text
	split       splitter
}

func (s *generalScanner) scan(to sink, _ *buffers, text []byte, begins bool) bool {
	text = validUTF8(text)
	for _, n := range s.normalizers {
		text = n(text)
	}
	next := func(part []byte, _ bool) bool { return to.word(part) }
	for len(text) > 0 {
		m := s.added.find(text)
		if m.start > 0 && !s.split(text[:m.start], begins, next) {
			return false
		}
		if m.start < len(text) && !to.token(m.id) {
			return false
		}
		text, begins = text[m.end:], false
	}
	return true
}
