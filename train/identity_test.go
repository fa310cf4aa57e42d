package train

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/internal/fields"
)

// configs are one of each kind of run.
func configs(t *testing.T) map[string]Config {
	t.Helper()
	pictures, err := Default("simclr", 32)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]Config{"pictures": pictures, "text": DefaultSimCSE("static", 1, false), "pairs": DefaultCLIP(32, "clip_small", "softmax")}
	for name, c := range list {
		c.Data = "data"
		list[name] = c
	}
	return list
}

// Every option that the result depends on is one of the settings that a checkpoint belongs to.
func TestEveryChangedOptionIsAnotherRun(t *testing.T) {
	for name, c := range configs(t) {
		before, err := newIdentity(c, sources{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fields.Of(c) {
			// A copy through the file, so that what is behind pointers is another's.
			text, err := fields.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			var changed Config
			if err := fields.Unmarshal(text, &changed); err != nil {
				t.Fatal(err)
			}
			if err := fields.Set(&changed, f.Key, another(t, f.Value)); err != nil {
				t.Fatal(err)
			}
			after, err := newIdentity(changed, sources{})
			if err != nil {
				t.Fatal(err)
			}
			free := slices.Contains([]string{"workers", "checkpoint_seconds", "watch", "recipe"}, f.Key)
			if (before == after) != free {
				t.Errorf("%s: %s from %v to %s: the identity is the same: %v", name, f.Key, f.Value, another(t, f.Value), before == after)
			}
		}
	}
}

// another is a value of an option that it does not have, as it is set.
func another(t *testing.T, value any) string {
	t.Helper()
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Bool:
		return fmt.Sprint(!v.Bool())
	case reflect.Int:
		return fmt.Sprint(v.Int() + 1)
	case reflect.Uint64:
		return fmt.Sprint(v.Uint() + 1)
	case reflect.Float64:
		return fmt.Sprint(v.Float() + 0.5)
	case reflect.String:
		return v.String() + "x"
	case reflect.Array:
		return "[" + strings.TrimSuffix(strings.Repeat("0.125, ", v.Len()), ", ") + "]"
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			return `["x"]`
		}
		return "[3]"
	}
	t.Fatalf("no other value for %v", value)
	return ""
}

// A run's file without an option, as a version before the option wrote it, is of the same run as one that has it and does not use it.
func TestAnOptionThatIsNotUsedIsNoOtherRun(t *testing.T) {
	for name, c := range configs(t) {
		want, err := newIdentity(c, sources{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := fields.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n")
		for _, key := range []string{"chunk: 0\n", "hold_out: "} {
			at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, key) })
			if at < 0 {
				t.Fatalf("%s: no %q", name, key)
			}
			run := t.TempDir()
			without := strings.Join(slices.Delete(slices.Clone(lines), at, at+1), "")
			if err := os.WriteFile(filepath.Join(run, configFile), []byte(without), 0o644); err != nil {
				t.Fatal(err)
			}
			read, err := ReadConfig(run)
			if err != nil {
				t.Fatal(err)
			}
			got, err := newIdentity(read, sources{})
			if err != nil {
				t.Fatal(err)
			}
			if unused := key == "chunk: 0\n"; (got == want) != unused {
				t.Errorf("%s without %q is the same run: %v", name, key, got == want)
			}
		}
	}
}
