package positive

import (
	"fmt"
	"html/template"
	"io"
	"strings"
	"unicode/utf8"
)

// TextLine is a line of a text's entry on a sheet: what it is, such as "view 1" or the name of a rule, and how it reads.
type TextLine struct{ Name, Text string }

// TextSheet writes texts beside what was made of them, as a table of plain text: entries are numbered from 1, and each has a line
// for everything in it, the original first. Lines are wrapped between words at width characters, at least 20 of them for the text.
func TextSheet(w io.Writer, entries [][]TextLine, width int) error {
	longest := 0
	for _, entry := range entries {
		for _, line := range entry {
			longest = max(longest, utf8.RuneCountInString(line.Name))
		}
	}
	digits := len(fmt.Sprint(len(entries)))
	room := max(20, width-digits-longest-4)
	for i, entry := range entries {
		number := fmt.Sprint(i + 1)
		for _, line := range entry {
			name := line.Name
			for _, part := range wrap(line.Text, room) {
				text := fmt.Sprintf("%*s  %-*s  %s", digits, number, longest, name, part)
				if _, err := fmt.Fprintln(w, strings.TrimRight(text, " ")); err != nil {
					return err
				}
				number, name = "", ""
			}
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return nil
}

// wrap breaks a text between words into lines of so many characters; a longer word has a line of its own.
func wrap(text string, width int) []string {
	lines, length := []string{""}, 0
	for _, word := range strings.Fields(text) {
		last, size := len(lines)-1, utf8.RuneCountInString(word)
		switch {
		case length == 0:
			lines[last], length = word, size
		case length+1+size > width:
			lines, length = append(lines, word), size
		default:
			lines[last], length = lines[last]+" "+word, length+1+size
		}
	}
	return lines
}

var textPage = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Views of texts</title>
<style>
body { font: 15px/1.5 sans-serif; color: #303030; background: #f8f8f6; max-width: 60em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; width: 100%; margin-bottom: 1.5em }
th { text-align: left; font-weight: normal; color: #666; width: 12em; padding-right: 1em }
th, td { vertical-align: top }
</style>
{{range .}}<table>
{{range .}}<tr><th>{{.Name}}</th><td>{{.Text}}</td></tr>
{{end}}</table>
{{end}}`))

// TextSheetHTML writes the entries of TextSheet as a page of HTML that needs no other file.
func TextSheetHTML(w io.Writer, entries [][]TextLine) error { return textPage.Execute(w, entries) }
