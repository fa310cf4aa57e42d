package token

import "math"

// Encode returns the ids of text, with the special tokens that belong before and behind it. At most maxLength ids are
// returned: what is too long loses its end, and keeps the special tokens; 0 sets no limit. Bytes that are not UTF-8 count
// as U+FFFD each.
func (t *Tokenizer) Encode(text string, maxLength int) []int32 {
	ids, _ := t.Append(nil, text, maxLength)
	return ids
}

// Append appends the ids that Encode returns to dst, and reports whether text was cut to fit maxLength.
func (t *Tokenizer) Append(dst []int32, text string, maxLength int) (ids []int32, cut bool) {
	room := math.MaxInt
	if maxLength > 0 {
		room = max(0, maxLength-len(t.prefix)-len(t.suffix))
	}
	e := t.encoder()
	e.ids, e.room = e.ids[:0], room
	e.encode(text)
	if cut = len(e.ids) > room; cut {
		e.ids = e.ids[:room]
	}
	start := len(dst)
	dst = append(append(append(dst, t.prefix...), e.ids...), t.suffix...)
	if maxLength > 0 && len(dst)-start > maxLength { // not even the special tokens have room
		dst, cut = dst[:start+maxLength], true
	}
	t.encoders.Put(e)
	return dst, cut
}

// An encoder is the memory one call of Append works in, and the words that earlier calls have met.
type encoder struct {
	t     *Tokenizer
	text  []byte // the bytes of what is encoded
	cache cache
	buffers
	ids  []int32
	room int // the scan may end when there are more ids than this
}

func (t *Tokenizer) encoder() *encoder {
	if e, ok := t.encoders.Get().(*encoder); ok {
		return e
	}
	return &encoder{t: t, cache: newCache()}
}

// encode appends the ids of text, tokens that are written out in it among them.
func (e *encoder) encode(text string) {
	e.text = append(e.text[:0], text...)
	rest, begins := e.text, true
	for len(rest) > 0 {
		m := e.t.added.find(rest)
		if m.start > 0 && !e.t.words.scan(e, &e.buffers, rest[:m.start], begins) {
			return
		}
		if m.start < len(rest) && !e.token(m.id) {
			return
		}
		rest, begins = rest[m.end:], false
	}
}

// word appends the tokens of a word, and reports whether there is room for more.
func (e *encoder) word(word []byte) bool {
	if len(word) == 0 {
		return true
	}
	known, found := e.cache.get(word)
	if found {
		e.ids = append(e.ids, known...)
		return len(e.ids) <= e.room
	}
	start := len(e.ids)
	e.ids = e.t.model.appendTokens(e.ids, word)
	e.cache.put(word, e.ids[start:])
	return len(e.ids) <= e.room
}

// token appends one token, and reports whether there is room for more.
func (e *encoder) token(id int32) bool {
	e.ids = append(e.ids, id)
	return len(e.ids) <= e.room
}
