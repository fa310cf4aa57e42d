// Package fields makes options of a configuration struct. A field's tags say all there is to know of it:
//
//	Temperature float64 `yaml:"temperature" help:"τ: divides the similarities before the softmax"`
//
// From these come the YAML file (strict, with the help as comments), `--set key=value`, and the list of options. Keys of
// nested structs are joined by dots: "optimizer.momentum". A struct embedded with `yaml:",inline"` has its options among those
// of the struct it is in.
package fields

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/alike-ml/alike/internal/nearest"
)

// A Field is one option: a leaf of the configuration struct.
type Field struct {
	// Key is the option's name, with dots between levels.
	Key string `json:"key"`
	// Help is one line for a reader.
	Help string `json:"help"`
	// Value is the field's present value.
	Value any `json:"value"`
}

// Of lists the options of config, a struct or a pointer to one, in the order of its fields. Nil pointers are left out.
func Of(config any) []Field {
	var list []Field
	walk(reflect.Indirect(reflect.ValueOf(config)), "", func(key string, f reflect.StructField, v reflect.Value) {
		list = append(list, Field{Key: key, Help: f.Tag.Get("help"), Value: v.Interface()})
	})
	return list
}

func walk(v reflect.Value, prefix string, visit func(key string, f reflect.StructField, v reflect.Value)) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if option == "inline" {
			walk(v.Field(i), prefix, visit)
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		value := v.Field(i)
		if value.Kind() == reflect.Pointer {
			if value.IsNil() {
				continue
			}
			value = value.Elem()
		}
		if value.Kind() == reflect.Struct {
			walk(value, prefix+name+".", visit)
			continue
		}
		visit(prefix+name, f, value)
	}
}

// Set gives one option of config, a pointer to a struct, a value written as in YAML, but for text, which is taken as it is.
// An unknown key is an error that suggests the nearest one; a value of the wrong type is an error that names the key.
func Set(config any, key, value string) error {
	known := keys(config)
	if !slices.Contains(known, key) {
		return fmt.Errorf("there is no option %q%s; the run's config.yaml lists them all", key, nearest.Suggestion(key, known))
	}
	if setText(config, key, value) {
		return nil
	}
	// A YAML document with this one key, decoded over what is there.
	var document strings.Builder
	for i, part := range strings.Split(key, ".") {
		fmt.Fprintf(&document, "%s%s:", strings.Repeat("  ", i), part)
		document.WriteString("\n")
	}
	text := strings.TrimSuffix(document.String(), "\n") + " " + value + "\n"
	if err := yaml.UnmarshalWithOptions([]byte(text), config, yaml.Strict()); err != nil {
		return fmt.Errorf("option %s cannot be %q: it must be %s", key, value, kindOf(config, key))
	}
	return nil
}

// kindOf says in words what values an option takes.
func kindOf(config any, key string) string {
	for _, f := range Of(config) {
		if f.Key != key {
			continue
		}
		switch v := reflect.ValueOf(f.Value); v.Kind() {
		case reflect.Bool:
			return "true or false"
		case reflect.Float32, reflect.Float64:
			return "a number"
		case reflect.Uint64:
			return "a whole number that is not negative"
		case reflect.Array:
			return fmt.Sprintf("a list of %d numbers, as [0, 1]", v.Len())
		case reflect.Slice:
			return "a list, as [1, 2]"
		}
	}
	return "a whole number"
}

// setText sets an option that is text, and reports whether it is: a folder may be called "#1" or "a: b", which YAML would
// read as something else.
func setText(config any, key, value string) (isText bool) {
	walk(reflect.Indirect(reflect.ValueOf(config)), "", func(k string, _ reflect.StructField, v reflect.Value) {
		if k == key && v.Kind() == reflect.String {
			v.SetString(value)
			isText = true
		}
	})
	return isText
}

// Unmarshal reads YAML over config: keys that it names change, others stay. Unknown keys are errors.
func Unmarshal(document []byte, config any) error {
	if len(strings.TrimSpace(string(document))) == 0 {
		return nil
	}
	if err := yaml.UnmarshalWithOptions(document, config, yaml.Strict()); err != nil {
		message := firstLine(err)
		if _, name, found := strings.Cut(message, `unknown field "`); found {
			name = strings.TrimSuffix(name, `"`)
			message += nearest.Suggestion(name, lastParts(keys(config)))
		}
		return fmt.Errorf("%s", message)
	}
	return nil
}

// Named lists the keys of the options that a document names, in no order.
func Named(document []byte) ([]string, error) {
	var levels map[string]any
	if err := yaml.Unmarshal(document, &levels); err != nil {
		return nil, errors.New(firstLine(err))
	}
	return leaves(levels, ""), nil
}

func leaves(levels map[string]any, prefix string) (keys []string) {
	for name, value := range levels {
		if inner, ok := value.(map[string]any); ok {
			keys = append(keys, leaves(inner, prefix+name+".")...)
		} else {
			keys = append(keys, prefix+name)
		}
	}
	return keys
}

// Marshal writes config as YAML with each option's help as a comment above it.
func Marshal(config any) ([]byte, error) {
	comments := yaml.CommentMap{}
	for _, f := range Of(config) {
		if f.Help != "" {
			comments["$."+f.Key] = []*yaml.Comment{yaml.HeadComment(" " + f.Help)}
		}
	}
	return yaml.MarshalWithOptions(config, yaml.WithComment(comments), yaml.Indent(2))
}

// Different lists the keys whose values differ between two configurations of one type, each as `key: a there, b here`.
func Different(there, here any) []string {
	old := values(there)
	var list []string
	for _, f := range Changed(there, here) {
		was, found := old[f.Key]
		if !found {
			was = "none"
		}
		list = append(list, fmt.Sprintf("%s: %v there, %v here", f.Key, was, f.Value))
	}
	kept := values(here)
	for _, f := range Of(there) {
		if _, found := kept[f.Key]; !found {
			list = append(list, fmt.Sprintf("%s: %v there, none here", f.Key, f.Value))
		}
	}
	return list
}

// Changed lists the options of config that have another value than in base, a configuration of the same type, or are not in it.
func Changed(base, config any) []Field {
	was := values(base)
	var list []Field
	for _, f := range Of(config) {
		// As written: a list that is empty and one that is missing are the same.
		if old, found := was[f.Key]; !found || fmt.Sprint(old) != fmt.Sprint(f.Value) {
			list = append(list, f)
		}
	}
	return list
}

// Given lists the options of config that have another value than zero, or than an empty list.
func Given(config any) []Field {
	return slices.DeleteFunc(Of(config), func(f Field) bool {
		v := reflect.ValueOf(f.Value)
		return v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
	})
}

// values are the options' by key.
func values(config any) map[string]any {
	byKey := map[string]any{}
	for _, f := range Of(config) {
		byKey[f.Key] = f.Value
	}
	return byKey
}

func keys(config any) []string {
	var list []string
	for _, f := range Of(config) {
		list = append(list, f.Key)
	}
	return list
}

func lastParts(keys []string) []string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k[strings.LastIndex(k, ".")+1:]
	}
	return parts
}

// firstLine is the message without the YAML library's drawing of the source below it.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
