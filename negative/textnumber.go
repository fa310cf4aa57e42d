package negative

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alike-ml/alike/internal/wordform"
)

// numberWords are families of number words of which one can stand for another. "one" and "second" are left out: they are as often
// something else.
var numberWords = [][]string{
	strings.Fields("two three four five six seven eight nine ten"),
	strings.Fields("eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"),
	strings.Fields("twenty thirty forty fifty sixty seventy eighty ninety"),
	strings.Fields("hundred thousand million billion"),
	strings.Fields("third fourth fifth sixth seventh eighth ninth tenth"),
	strings.Fields("eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"),
}

var (
	digits  = regexp.MustCompile(`^[0-9]{1,15}$|^[0-9]{1,3}(,[0-9]{3})+$|^[0-9]+\.[0-9]+$`)
	clock   = regexp.MustCompile(`^([0-9]{1,2}):([0-5][0-9])(am|pm)?$`)
	ordinal = regexp.MustCompile(`^([0-9]{1,4})(st|nd|rd|th)$`)
	unit    = regexp.MustCompile(`^([0-9]+)(am|pm|km|kg|m|cm|mm|g)$`)
	decade  = regexp.MustCompile(`^(1[0-9]|20)([0-9])0s$`)
	year    = regexp.MustCompile(`^(1[0-9]|20)[0-9]{2}$`)
	months  = set("january february march april may june july august september october november december")
)

// SwapNumber puts another number of the same shape in the place of a number of a text, drawn at random among those in digits and in
// English words. Digits keep their count, their separators and what is written around them; years stay in their century, days in
// their month, times on the clock. Numbers that are part of a name, as in "MP3", stay, and so does 1, whose noun is in the singular.
func SwapNumber(text string, r *rand.Rand) (string, bool) {
	words := strings.Fields(text)
	var numbers []int
	for i, word := range words {
		if _, core, _ := wordform.Trim(word); isNumber(core) {
			numbers = append(numbers, i)
		}
	}
	if len(numbers) == 0 {
		return "", false
	}
	i := numbers[r.IntN(len(numbers))]
	_, core, _ := wordform.Trim(words[i])
	day := i > 0 && isMonth(words[i-1]) || i+1 < len(words) && isMonth(words[i+1])
	words[i] = wordform.Put(words[i], otherNumber(core, day, r))
	return strings.Join(words, " "), true
}

func isMonth(word string) bool {
	_, core, _ := wordform.Trim(word)
	return wordform.Capital(core) && months[strings.ToLower(core)]
}

func isNumber(word string) bool {
	if word == "1" {
		return false
	}
	lower := strings.ToLower(word)
	for _, family := range numberWords {
		if slices.Contains(family, lower) {
			return true
		}
	}
	for _, shape := range []*regexp.Regexp{digits, clock, ordinal, unit, decade} {
		if shape.MatchString(word) {
			return true
		}
	}
	return false
}

// otherNumber draws a number of the shape of what [isNumber] holds for, and not the same.
func otherNumber(word string, day bool, r *rand.Rand) string {
	lower := strings.ToLower(word)
	for _, family := range numberWords {
		if at := slices.Index(family, lower); at >= 0 {
			return family[other(at, 0, len(family), r)]
		}
	}
	if m := clock.FindStringSubmatch(word); m != nil {
		hour, _ := strconv.Atoi(m[1])
		low, high := 1, 13
		if hour > 12 || hour == 0 {
			low, high = 13, 24
		}
		return strconv.Itoa(other(hour, low, high, r)) + ":" + m[2] + m[3]
	}
	if m := ordinal.FindStringSubmatch(word); m != nil {
		n, _ := strconv.Atoi(m[1])
		high := 32
		if n >= high {
			high = 100
		}
		if n >= high {
			high = 10000
		}
		n = other(n, 1, high, r)
		return strconv.Itoa(n) + suffix(n)
	}
	if m := unit.FindStringSubmatch(word); m != nil {
		if m[2] == "am" || m[2] == "pm" {
			hour, _ := strconv.Atoi(m[1])
			return strconv.Itoa(other(hour, 1, 13, r)) + m[2]
		}
		return otherDigits(m[1], r) + m[2]
	}
	if m := decade.FindStringSubmatch(word); m != nil {
		n, _ := strconv.Atoi(m[2])
		return m[1] + strconv.Itoa(other(n, 0, 10, r)) + "0s"
	}
	if n, err := strconv.Atoi(word); err == nil && day && n >= 1 && n <= 31 {
		return strconv.Itoa(other(n, 1, 29, r))
	}
	if year.MatchString(word) {
		n, _ := strconv.Atoi(word[2:])
		high := 100
		if word[:2] == "20" && n < 30 {
			high = 30
		}
		return word[:2] + strconv.Itoa(100 + other(n, 0, high, r))[1:]
	}
	if len(word) == 1 {
		return strconv.Itoa(other(int(word[0]-'0'), 2, 10, r))
	}
	return otherDigits(word, r)
}

// other draws a number from low up to but not including high that is not n; there are two or more.
func other(n, low, high int, r *rand.Rand) int {
	if n < low || n >= high {
		return low + r.IntN(high-low)
	}
	m := low + r.IntN(high-low-1)
	if m >= n {
		m++
	}
	return m
}

// otherDigits draws each digit anew, the first one not 0 and another than it was.
func otherDigits(word string, r *rand.Rand) string {
	drawn := []byte(word)
	for i, c := range drawn {
		switch {
		case c < '0' || c > '9':
		case i == 0:
			drawn[i] = '0' + byte(other(int(c-'0'), 1, 10, r))
		default:
			drawn[i] = '0' + byte(r.IntN(10))
		}
	}
	return string(drawn)
}

// suffix is what makes an ordinal of digits.
func suffix(n int) string {
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			return "st"
		case 2:
			return "nd"
		case 3:
			return "rd"
		}
	}
	return "th"
}
