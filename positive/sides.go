package positive

import (
	"slices"
	"strings"
	"unicode"
)

// sideWords are the English words, and sideSigns the characters, that name a side or a direction of which a mirror makes another.
var (
	sideWords = []string{
		"anticlockwise", "clockwise", "counterclockwise", "east", "eastern", "eastward", "eastwards", "left", "leftmost", "leftward", "leftwards",
		"right", "rightmost", "rightward", "rightwards", "west", "western", "westward", "westwards",
	}
	sideSigns = "←→↖↗↘↙↩↪↰↱↲↳↶↷↺↻⇐⇒⇤⇥⟲⟳⟵⟶⟸⟹⬅➡➜➔◀▶◁▷⏪⏩⏮⏭👈👉"
)

// NamesSides tells whether a text names a side or a direction: "facing right", "anticlockwise", an arrow. A picture that is flipped
// is no longer what such a caption says. It knows English words, and signs; a word that means other things as well counts.
func NamesSides(text string) bool {
	if strings.ContainsAny(text, sideSigns) {
		return true
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if _, ok := slices.BinarySearch(sideWords, strings.ToLower(word)); ok {
			return true
		}
	}
	return false
}
