package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/pretrained"
	"github.com/alike-ml/alike/recipes"
	"github.com/alike-ml/alike/train"
)

type trainCommand struct {
	Method    string   `arg:"" optional:"" help:"How to learn: see alike methods. Left out where a recipe, --config or the run to --resume says it."`
	Out       string   `required:"" placeholder:"RUN" help:"Directory for the run: configuration, metrics, checkpoints, model and report."`
	Resume    bool     `help:"Go on with the run in --out where it stopped."`
	Config    string   `placeholder:"FILE" help:"Read settings from a YAML file, such as another run's config.yaml. Flags and --set go before it."`
	Optimizer string   `placeholder:"NAME" help:"Start from the published settings of another optimizer: sgd, lars or adamw."`
	Set       []string `placeholder:"KEY=VALUE" sep:"none" help:"Set anything in config.yaml by its dotted key, as optimizer.learning_rate=0.1. Repeatable; alike methods lists the keys."`

	configFlags `embed:"" group:"Settings, with the defaults of simclr; alike methods has those of the others"`
	Text        trainTextFlags `embed:"" group:"Settings for text"`
	Pairs       trainPairFlags `embed:"" group:"Settings for pictures with captions"`
}

// configFlags are the top level of [train.Config] as flags. Their help comes from the configuration's own tags; a nil flag
// was not given.
type configFlags struct {
	Data              *string  `placeholder:"DIR" help:"${data}"`
	ImageSize         *int     `placeholder:"${image_size_default}" help:"${image_size}"`
	Backbone          *string  `placeholder:"${backbone_default}" help:"${backbone}"`
	Width             *float64 `placeholder:"${width_default}" help:"${width}"`
	Epochs            *int     `placeholder:"${epochs_default}" help:"${epochs}"`
	Batch             *int     `placeholder:"${batch_default}" help:"${batch}"`
	Chunk             *int     `placeholder:"${chunk_default}" help:"${chunk}"`
	Seed              *uint64  `placeholder:"${seed_default}" help:"${seed}"`
	Device            *string  `placeholder:"${device_default}" help:"${device}"`
	Precision         *string  `placeholder:"${precision_default}" help:"${precision}"`
	Workers           *int     `placeholder:"${workers_default}" help:"${workers}"`
	HoldOut           *float64 `placeholder:"${hold_out_default}" help:"${hold_out}"`
	MonitorEvery      *int     `placeholder:"${monitor_every_default}" help:"${monitor_every}"`
	CheckpointSeconds *int     `placeholder:"${checkpoint_seconds_default}" help:"${checkpoint_seconds}"`
	Watch             *bool    `negatable:"" help:"${watch}"`
	Recipe            *string  `placeholder:"NAME" help:"${recipe}"`
}

// configHelp has the help and the default of every top-level setting, for the tags of configFlags.
func configHelp() kong.Vars {
	vars := kong.Vars{}
	for _, f := range fields.Of(train.DefaultSimCLR(defaultImageSize)) {
		if !strings.Contains(f.Key, ".") {
			vars[f.Key], vars[f.Key+"_default"] = sentence(f.Help), fmt.Sprint(f.Value)
		}
	}
	return vars
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

// given lists the flags that were given, as key and value.
func (c configFlags) given() (list [][2]string) {
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsNil() {
			list = append(list, [2]string{snake(v.Type().Field(i).Name), fmt.Sprint(f.Elem().Interface())})
		}
	}
	return list
}

// snake turns a field's name into its key: ImageSize into image_size.
func snake(name string) string {
	var key strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			key.WriteByte('_')
		}
		key.WriteRune(r)
	}
	return strings.ToLower(key.String())
}

// defaultImageSize is the side, in pixels, of the pictures of a run that names none.
const defaultImageSize = 32

// config puts the run's settings together: those it starts from, or the settings of the run that is resumed; over them the
// file, then --set, then the flags.
func (c trainCommand) config() (train.Config, error) {
	if c.Resume && c.Data == nil && c.Config == "" {
		if _, err := train.ReadConfig(c.Out); err != nil {
			return train.Config{}, usageError{fmt.Errorf("cannot go on: %w", err)}
		}
	}
	config, err := c.start()
	if err != nil {
		return config, err
	}
	if c.Resume {
		if was, err := train.ReadConfig(c.Out); err == nil {
			config = was
		}
	}
	if c.Optimizer != "" && c.Optimizer != config.Optimizer.Name {
		if config.Optimizer, err = optim.Default(c.Optimizer); err != nil {
			return config, usageError{fmt.Errorf("optimizer: %w", err)}
		}
	}
	if err := c.apply(&config); err != nil {
		return config, err
	}
	if err := config.Validate(); err != nil {
		return config, usageError{err}
	}
	return config, nil
}

// start returns what the run's settings start from: a recipe, or the method's defaults. Both have the warm-up of the epochs that are asked
// for.
func (c trainCommand) start() (train.Config, error) {
	if c.Recipe != nil {
		return c.recipe()
	}
	if c.Method == "" {
		method, err := c.said()
		if err != nil {
			return train.Config{}, err
		}
		if c.Method = method; method == "" {
			return train.Config{}, usageError{errors.New("how is it to learn? name a method, as in alike train simclr (alike methods lists them), or a --recipe (alike recipes)")}
		}
	}
	return c.defaults()
}

// recipe returns the settings of the recipe that is named.
func (c trainCommand) recipe() (train.Config, error) {
	r, err := recipes.Find(*c.Recipe)
	if err != nil {
		return train.Config{}, usageError{err}
	}
	if method := c.method(r.Config.OnText()); method != "" && method != r.Method {
		return train.Config{}, usageError{fmt.Errorf("recipe %s is for %s, not for %s: leave the method out", r.Name, r.Method, c.Method)}
	}
	wanted := r.Config
	if err := c.apply(&wanted); err != nil {
		return wanted, err
	}
	if r.WordVectors {
		if err := startFromVectors(r, wanted.Text.Vectors); err != nil {
			return r.Config, usageError{err}
		}
	}
	if wanted.Epochs != r.Config.Epochs {
		return r.Config.WithEpochs(wanted.Epochs), nil
	}
	return r.Config, nil
}

// startFromVectors gives a recipe's settings the word vectors in a file, and their width.
func startFromVectors(r recipes.Recipe, file string) error {
	if file == "" {
		return fmt.Errorf("recipe %s starts from word vectors: name their file with --vectors", r.Name)
	}
	width, err := pretrained.VectorsWidth(file)
	if err != nil {
		return fmt.Errorf("cannot start from word vectors: %w", err)
	}
	r.Config.Text.Vectors, r.Config.Text.Static.Width = file, width
	return nil
}

// defaults returns the method's default settings. The image size, the columns of text, the epochs and, with captions, the backbone decide on
// others, so they are looked for first.
func (c trainCommand) defaults() (train.Config, error) {
	config, err := train.Default(c.method(c.Text.set()), defaultImageSize)
	if err != nil {
		return config, usageError{err}
	}
	if config, err = c.chosen(config); err != nil {
		return config, err
	}
	usualEpochs := config.Epochs
	if config.OnPairs() {
		config.ImageSize, config.Backbone = 0, "" // of what it starts from, unless they are said
	}
	if err := c.apply(&config); err != nil {
		return config, err
	}
	if config.OnPairs() && config.ImageSize == 0 {
		if config.ImageSize, err = config.OwnImageSize(); err != nil {
			return config, usageError{err}
		}
		config.ImageSize = cmp.Or(config.ImageSize, defaultImageSize)
	}
	asked := config.Epochs
	if config, err = config.Usual(); err != nil {
		return config, usageError{err}
	}
	if asked == usualEpochs { // the default of another size of pictures or kind of text, or the same as ours
		asked = config.Epochs
	}
	return config.WithEpochs(asked), nil
}

// said is the method that the run to resume or else the configuration file is of, "" where there is neither.
func (c trainCommand) said() (string, error) {
	var config train.Config
	was, err := train.ReadConfig(c.Out)
	switch {
	case c.Resume && err == nil:
		config = was
	case c.Config != "":
		if err := c.readConfig(&config); err != nil {
			return "", err
		}
	default:
		return "", nil
	}
	m, err := config.Method()
	if err != nil {
		return "", usageError{fmt.Errorf("%s: %w", cmp.Or(c.Config, c.Out), err)}
	}
	return m.Name(), nil
}

// readConfig puts the configuration file over a configuration.
func (c trainCommand) readConfig(config *train.Config) error {
	text, err := os.ReadFile(c.Config)
	if err != nil {
		return usageError{err}
	}
	if err := fields.Unmarshal(text, config); err != nil {
		return usageError{fmt.Errorf("%s: %w", c.Config, err)}
	}
	return nil
}

// chosen are the usual settings of the encoder of text that the flags choose, which decides on what there is to set.
func (c trainCommand) chosen(config train.Config) (train.Config, error) {
	switch {
	case config.OnText():
		if c.Backbone != nil {
			config.Backbone = *c.Backbone
		}
		if err := c.Text.apply(&config); err != nil {
			return config, err
		}
	case config.OnPairs():
		if err := c.Pairs.apply(&config); err != nil {
			return config, err
		}
	default:
		return config, nil
	}
	config, err := config.Usual()
	if err != nil {
		return config, usageError{err}
	}
	return config, nil
}

// method is the name of the method, where supcon is that for text or for pictures.
func (c trainCommand) method(onText bool) string {
	if c.Method == "supcon" && onText {
		return "supcon_text"
	}
	return c.Method
}

func (c trainCommand) apply(config *train.Config) error {
	if c.Config != "" {
		if err := c.readConfig(config); err != nil {
			return err
		}
	}
	for _, pair := range c.Set {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return usageError{fmt.Errorf("--set %s: write it as key=value", pair)}
		}
		if key == "recipe" {
			return usageError{errors.New("--set recipe: settings start from a recipe, use --recipe " + value)}
		}
		if err := fields.Set(config, key, value); err != nil {
			return usageError{err}
		}
	}
	for _, flag := range c.given() {
		if err := fields.Set(config, flag[0], flag[1]); err != nil {
			return usageError{err}
		}
	}
	if err := c.Text.apply(config); err != nil {
		return err
	}
	return c.Pairs.apply(config)
}

// Run trains, evaluates on test pictures if there are any, and writes the report.
func (c trainCommand) Run(ctx context.Context, out console) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	config, left, err := withoutRecipesOwn(config)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		fmt.Fprintf(out.err, "note: %s goes by %s of the data it was measured on, which %s has not: the run does without\n", config.Recipe, strings.Join(left, " and "), config.Data)
	}
	if err := checkTest(ctx, config); err != nil {
		return err
	}
	result, err := trainWithProgress(ctx, out, config, c.Out, c.Resume)
	if err != nil {
		return orInterrupted(ctx, err, c.Out)
	}
	printSkipped(out.err, result.Skipped)
	m, err := config.Method()
	if err != nil {
		return err
	}
	info, err := method.Find(m.Name())
	if err != nil {
		return err
	}
	command := fmt.Sprintf("alike train --config %s --out %s", quote(filepath.Join(c.Out, "config.yaml")), "OTHER")
	title := fmt.Sprintf("%s on %s", info.Title, filepath.Base(config.Data))
	scores, err := conclude(ctx, out, c.Out, title, command, config, result)
	if err != nil {
		return orInterrupted(ctx, err, c.Out)
	}
	if scores != nil {
		printScores(out.out, scores.Report)
	}
	fmt.Fprintf(out.out, "\nThe encoder is in %s, the report in %s.\n", train.ModelDir(c.Out), reportPath(c.Out))
	return nil
}
