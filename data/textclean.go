package data

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// clean returns a text in the form that the options ask for. A text that may not be used is a *badRow.
func (o TextOptions) clean(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", &badRow{InvalidUTF8, ""}
	}
	if o.NFC {
		text = norm.NFC.String(text)
	}
	if o.CollapseSpace {
		text = collapse(text)
	}
	if strings.TrimFunc(text, isSpace) == "" {
		return "", &badRow{Empty, ""}
	}
	chars := utf8.RuneCountInString(text)
	switch {
	case chars < o.MinChars:
		return "", &badRow{TooShort, fmt.Sprintf("%d characters", chars)}
	case o.MaxChars > 0 && chars > o.MaxChars:
		return "", &badRow{TooLong, fmt.Sprintf("%d characters", chars)}
	}
	return text, nil
}

// isSpace tells white space and control characters.
func isSpace(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// collapse returns the words of a text with one space between them.
func collapse(text string) string {
	space := true // at the beginning, and after one
	for _, r := range text {
		switch {
		case r > ' ' && r < unicode.MaxASCII: // most are
			space = false
		case r == ' ' && !space:
			space = true
		case isSpace(r):
			return strings.Join(strings.FieldsFunc(text, isSpace), " ")
		default:
			space = false
		}
	}
	if space {
		return strings.TrimSuffix(text, " ")
	}
	return text
}
