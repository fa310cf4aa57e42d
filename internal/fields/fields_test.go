package fields

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type optimizer struct {
	Name     string  `yaml:"name" help:"which"`
	Momentum float64 `yaml:"momentum" help:"how much of the past stays"`
}

type simclr struct {
	Temperature float64    `yaml:"temperature" help:"τ"`
	Crop        [2]float64 `yaml:"crop" help:"least and greatest share of the area"`
}

type config struct {
	Epochs    int       `yaml:"epochs" help:"passes over the data"`
	Optimizer optimizer `yaml:"optimizer"`
	SimCLR    *simclr   `yaml:"simclr,omitempty"`
	MoCo      *simclr   `yaml:"moco,omitempty"`
	Internal  int       `yaml:"-"`
}

func example() config {
	return config{Epochs: 3, Optimizer: optimizer{"sgd", 0.9}, SimCLR: &simclr{0.1, [2]float64{0.08, 1}}}
}

func TestOfListsLeavesInOrder(t *testing.T) {
	want := []string{"epochs", "optimizer.name", "optimizer.momentum", "simclr.temperature", "simclr.crop"}
	c := example()
	if diff := cmp.Diff(want, keys(&c)); diff != "" {
		t.Error(diff)
	}
}

func TestMarshalThenUnmarshalIsTheSame(t *testing.T) {
	c := example()
	text, err := Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "# how much of the past stays") {
		t.Errorf("no help in:\n%s", text)
	}
	back := config{SimCLR: &simclr{}}
	if err := Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Error(diff)
	}
}

func TestUnmarshalKeepsWhatIsNotNamed(t *testing.T) {
	c := example()
	if err := Unmarshal([]byte("simclr:\n  temperature: 0.5\noptimizer: {momentum: 0.8}\n"), &c); err != nil {
		t.Fatal(err)
	}
	want := example()
	want.SimCLR.Temperature, want.Optimizer.Momentum = 0.5, 0.8
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestSet(t *testing.T) {
	c := example()
	for key, value := range map[string]string{"epochs": "7", "simclr.crop": "[0.2, 1]", "optimizer.name": "lars"} {
		if err := Set(&c, key, value); err != nil {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	want := config{Epochs: 7, Optimizer: optimizer{"lars", 0.9}, SimCLR: &simclr{0.1, [2]float64{0.2, 1}}}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

// The options of an embedded struct are among those of the struct it is in: listed, set, written with their help and read.
func TestInlineOptions(t *testing.T) {
	type Common struct {
		Temperature float64    `yaml:"temperature" help:"τ"`
		Crop        [2]float64 `yaml:"crop" help:"least and greatest share of the area"`
	}
	type variant struct {
		Common `yaml:",inline"`
		Hidden int `yaml:"hidden" help:"how wide"`
	}
	type config struct {
		Variant *variant `yaml:"variant,omitempty"`
	}
	c := config{&variant{Common{0.1, [2]float64{0.08, 1}}, 3}}
	if diff := cmp.Diff([]string{"variant.temperature", "variant.crop", "variant.hidden"}, keys(&c)); diff != "" {
		t.Error(diff)
	}
	for key, value := range map[string]string{"variant.temperature": "0.5", "variant.hidden": "4"} {
		if err := Set(&c, key, value); err != nil {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	text, err := Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	want := "variant:\n  # τ\n  temperature: 0.5\n  # least and greatest share of the area\n  crop:\n  - 0.08\n  - 1.0\n  # how wide\n  hidden: 4\n"
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	var back config
	if err := Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Error(diff)
	}
	if err := Unmarshal([]byte("variant: {temprature: 1}"), &back); err == nil || !strings.Contains(err.Error(), `did you mean "temperature"?`) {
		t.Errorf("error %v", err)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		err  func(*config) error
		want string
	}{
		{"unknown key", func(c *config) error { return Set(c, "simclr.temprature", "1") }, `did you mean "simclr.temperature"?`},
		{"a method that is not this run's", func(c *config) error { return Set(c, "moco.temperature", "1") }, `no option "moco.temperature"`},
		{"wrong type", func(c *config) error { return Set(c, "epochs", "many") }, `option epochs cannot be "many"`},
		{"unknown YAML key", func(c *config) error { return Unmarshal([]byte("epoch: 3\n"), c) }, `did you mean "epochs"?`},
		{"not YAML", func(c *config) error { return Unmarshal([]byte("epochs: [\n"), c) }, "["},
	} {
		example := example()
		err := c.err(&example)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q, want one line with %q", c.name, err, c.want)
		}
	}
}

func TestDifferent(t *testing.T) {
	a, b := example(), example()
	if got := Different(a, b); len(got) != 0 {
		t.Errorf("equal configurations differ in %v", got)
	}
	b.Epochs, b.SimCLR, b.MoCo = 4, nil, a.SimCLR
	if got := Different(a, b); len(got) != 5 {
		t.Errorf("differences: %q", got)
	}
}

func TestNamedListsWhatADocumentSays(t *testing.T) {
	got, err := Named([]byte("epochs: 3\nsimclr:\n  temperature: 0.5\n  crop: [1, 1]\noptimizer: {}\n"))
	if slices.Sort(got); err != nil || !slices.Equal(got, []string{"epochs", "simclr.crop", "simclr.temperature"}) {
		t.Errorf("named are %q, %v", got, err)
	}
}

func TestGivenLeavesOutZeroAndEmptyLists(t *testing.T) {
	type with struct {
		Epochs int       `yaml:"epochs"`
		Name   string    `yaml:"name"`
		List   []int     `yaml:"list"`
		Inner  optimizer `yaml:"inner"`
	}
	got := Given(with{Epochs: 3, List: []int{}, Inner: optimizer{Momentum: 0.9}})
	want := []Field{{Key: "epochs", Value: 3}, {Key: "inner.momentum", Help: "how much of the past stays", Value: 0.9}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add("epochs: 3\nsimclr: {temperature: .5}")
	f.Add("optimizer:\n  - a")
	f.Fuzz(func(t *testing.T, document string) {
		c := example()
		_ = Unmarshal([]byte(document), &c)
	})
}

func FuzzSet(f *testing.F) {
	f.Add("epochs", "3")
	f.Add("optimizer.name", "a: b")
	f.Fuzz(func(t *testing.T, key, value string) {
		c := example()
		_ = Set(&c, key, value)
	})
}

// Text is taken as it is, whatever YAML would make of it, and survives the file.
func TestSetTakesTextAsItIs(t *testing.T) {
	for _, text := range []string{"pictures #1", "#1", "a: b", "*", "[a", "~", "null", "true", "12", "@home", "%d", `C:\photos`, "- a", "'", `"`, " a ", "fünf", "a\nb"} {
		c := example()
		if err := Set(&c, "optimizer.name", text); err != nil || c.Optimizer.Name != text {
			t.Errorf("%q became %q (%v)", text, c.Optimizer.Name, err)
		}
		document, err := Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		back := config{SimCLR: &simclr{}}
		if err := Unmarshal(document, &back); err != nil || back.Optimizer.Name != text {
			t.Errorf("%q is read back as %q (%v)", text, back.Optimizer.Name, err)
		}
	}
}
