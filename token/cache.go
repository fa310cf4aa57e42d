package token

// A cache remembers the tokens of words. Most words of a text have been met before, and to look one up costs less than to take
// it apart again.
type cache struct {
	words map[string]stretch
	ids   []int32
}

// A stretch is where the tokens of a word lie among a cache's ids.
type stretch struct{ start, end int32 }

const (
	cachedWords  = 1 << 16
	cachedLength = 64 // bytes; longer words are rarely met twice
)

func newCache() cache { return cache{words: make(map[string]stretch)} }

func (c *cache) get(word []byte) (ids []int32, found bool) {
	s, found := c.words[string(word)]
	return c.ids[s.start:s.end], found
}

// put remembers a word. A full cache starts anew.
func (c *cache) put(word []byte, ids []int32) {
	if len(word) > cachedLength {
		return
	}
	if len(c.words) == cachedWords {
		clear(c.words)
		c.ids = c.ids[:0]
	}
	start := len(c.ids)
	c.ids = append(c.ids, ids...)
	c.words[string(word)] = stretch{int32(start), int32(len(c.ids))}
}
