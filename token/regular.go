package token

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// compilePattern makes a pattern of a regular expression as tokenizer.json has them: Oniguruma's, whose \s, \d and \w are Unicode's.
// The splittings of GPT-2 and CLIP are written out; others go to Go's regexp, but for what that cannot do.
func compilePattern(expression string) (pattern, error) {
	switch expression {
	case gpt2Expression:
		return gpt2Pattern, nil
	case clipExpression:
		return clipPattern, nil
	case `\s+`:
		return spacesPattern, nil
	}
	translated, err := translate(expression)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", expression, err)
	}
	re, err := regexp.Compile(translated)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", expression, err)
	}
	last := re.SubexpIndex(lastSpace)
	return func(text []byte, from int) (int, int) {
		for at := from; at < len(text); {
			m := re.FindSubmatchIndex(text[at:])
			switch {
			case m == nil:
				return len(text), len(text)
			case m[0] == m[1]: // empty: look behind the next character
				_, size := utf8.DecodeRune(text[at+m[0]:])
				at += m[0] + max(size, 1)
				continue
			}
			start, end := at+m[0], at+m[1]
			if last > 0 && m[2*last] >= 0 && end < len(text) {
				if _, size := utf8.DecodeLastRune(text[start:end]); start+size < end {
					end -= size
				}
			}
			return start, end
		}
		return len(text), len(text)
	}, nil
}

const (
	unicodeSpace = `\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`
	unicodeWord  = `\p{L}\p{M}\p{N}\p{Pc}`
	// lastSpace names the group of `\s+(?!\S)`: spaces but for the last one before something else, which is left for the next match.
	lastSpace      = "lastspace"
	spacesAndLast  = `\s+(?!\S)|\s+`
	spacesAndLast1 = `\s+(?!\S)|\s`
)

// translate writes an expression of Oniguruma as one of Go.
func translate(expression string) (string, error) {
	tail := ""
	for _, t := range []string{spacesAndLast, spacesAndLast1} {
		if rest, found := strings.CutSuffix(expression, t); found && (rest == "" || rest[len(rest)-1] == '|') {
			expression, tail = rest, `(?P<`+lastSpace+`>[`+unicodeSpace+`]+)`
			break
		}
	}
	var b strings.Builder
	inClass := false
	for i := 0; i < len(expression); i++ {
		c := expression[i]
		if c != '\\' || i+1 == len(expression) {
			switch {
			case c == '[' && inClass:
				return "", errors.New("a class within a class is not supported")
			case c == '&' && inClass && strings.HasPrefix(expression[i:], "&&"):
				return "", errors.New("a common part of classes is not supported")
			case c == '[':
				inClass = true
			case c == ']':
				inClass = false
			}
			b.WriteByte(c)
			continue
		}
		i++
		class, negated := "", unicode.IsUpper(rune(expression[i]))
		switch expression[i] {
		case 's', 'S':
			class = unicodeSpace
		case 'd', 'D':
			class = `\p{Nd}`
		case 'w', 'W':
			class = unicodeWord
		default:
			b.WriteString(expression[i-1 : i+1])
			continue
		}
		switch {
		case inClass && negated:
			return "", fmt.Errorf("\\%c within a class is not supported", expression[i])
		case inClass:
			b.WriteString(class)
		case negated:
			b.WriteString("[^" + class + "]")
		default:
			b.WriteString("[" + class + "]")
		}
	}
	b.WriteString(tail)
	return b.String(), supported(b.String())
}

// supported refuses what depends on the text before a match, which the search for the next one does not see.
func supported(expression string) error {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return err
	}
	var visit func(*syntax.Regexp) error
	visit = func(r *syntax.Regexp) error {
		switch r.Op {
		case syntax.OpBeginLine, syntax.OpBeginText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
			return fmt.Errorf("%s is not supported", r)
		}
		for _, sub := range r.Sub {
			if err := visit(sub); err != nil {
				return err
			}
		}
		return nil
	}
	return visit(parsed)
}

// spacesPattern is `\s+`.
func spacesPattern(text []byte, from int) (start, end int) {
	start, _ = oneRune(unicode.IsSpace)(text, from)
	return start, start + run(text[start:], spaceKind)
}
