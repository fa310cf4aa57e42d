package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// jsonObject is a JSON object as columns, with the values as they stand in the file.
type jsonObject map[string]json.RawMessage

// maxColumns is the most values that an object or an array may have. An array of millions would take a hundred times its memory.
const maxColumns = 10_000

// parseJSON reads an object. An array is an object with the keys 1, 2, 3, ... The error is a *badRow.
func parseJSON(text []byte) (jsonObject, error) {
	if bytes.Count(text, []byte{','}) >= maxColumns && outerValues(text) > maxColumns {
		return nil, malformed("more than %d columns", maxColumns)
	}
	object := make(jsonObject)
	if bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte{'['}) {
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, malformed("%v", err)
		}
		for i, value := range list {
			object[strconv.Itoa(i+1)] = value
		}
		return object, nil
	}
	err := json.Unmarshal(text, &object)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return nil, malformed("a JSON %s, not an object", wrong.Value)
	case err != nil:
		return nil, malformed("%v", err)
	}
	return object, nil
}

// outerValues counts the values of an object or an array, without those within them.
func outerValues(text []byte) int {
	count, depth := 1, 0
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == ',' && depth == 1:
			count++
		}
	}
	return count
}

// value returns what the object has in a column. A text must be there, and a string; anything else may be a number or a
// truth value, too, or missing.
func (o jsonObject) value(column string, text bool) (string, error) {
	raw, ok := o[column]
	switch {
	case !ok && text:
		return "", malformed("no column %q", column)
	case !ok || raw[0] == 'n' && !text:
		return "", nil
	case raw[0] == '"':
		var value string
		err := json.Unmarshal(raw, &value)
		return value, err
	case text || raw[0] == '{' || raw[0] == '[':
		return "", malformed("column %q is %s, not text", column, jsonKind(raw[0]))
	}
	return string(raw), nil
}

// texts returns the texts of a column: those of a list, or one, perhaps split, or none.
func (o jsonObject) texts(column string, split func(string) []string) ([]string, error) {
	raw, ok := o[column]
	if !ok || raw[0] == 'n' {
		return nil, nil
	}
	if raw[0] != '[' {
		text, err := o.value(column, true)
		if err != nil || split == nil {
			return []string{text}, err
		}
		return split(text), nil
	}
	var list []*string
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, malformed("column %q is a list of other things than texts", column)
	}
	var texts []string
	for _, text := range list {
		if text != nil {
			texts = append(texts, *text)
		}
	}
	return texts, nil
}

// allTexts returns the texts of several columns.
func (o jsonObject) allTexts(columns []string, split func(string) []string) (all []string, err error) {
	for _, c := range columns {
		texts, err := o.texts(c, split)
		if err != nil {
			return nil, err
		}
		all = append(all, texts...)
	}
	return all, nil
}

// jsonKind says in words what a value is that begins with b.
func jsonKind(b byte) string {
	switch b {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a truth value"
	case 'n':
		return "null"
	}
	return "a number"
}
