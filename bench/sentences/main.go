// Command sentences times what Alike makes of sentences with an encoder that sentence-transformers knows too, and prints one JSON
// object. bench/peers/sentence_transformers_WORK.py does the same work there, and bench/compare runs the two in turn.
//
//	go run ./bench/sentences tokenize --encoder FOLDER --text FILE
//	go run ./bench/sentences embed    --encoder FOLDER --text FILE [--precision f32|bf16] [--static]
//	go run ./bench/sentences train    --encoder FOLDER --text FILE [--precision f32|bf16]
//
// The folder is one of sentence-transformers, the file has a sentence a line. All of it goes the way that Alike's users go: the
// tokenizer, [embed.TextModel] and [train.Run].
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/alike-ml/alike/bench/timing"
	"github.com/alike-ml/alike/internal/guard"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sentences:", err)
		os.Exit(1)
	}
}

// settings are what is to be timed.
type settings struct {
	encoder   string   // the folder
	sentences []string // of the file
	precision string
	static    bool
}

func run(args []string) (err error) {
	defer guard.Recover(&err)
	if len(args) == 0 {
		return fmt.Errorf("name what to time: tokenize, embed or train")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	var s settings
	flags.StringVar(&s.encoder, "encoder", "", "folder of sentence-transformers")
	text := flags.String("text", "", "file of sentences, one a line")
	flags.StringVar(&s.precision, "precision", "f32", "f32 or bf16")
	flags.BoolVar(&s.static, "static", false, "embed with the encoder's vectors of words alone, averaged")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	content, err := os.ReadFile(*text)
	if err != nil {
		return err
	}
	s.sentences = strings.Split(strings.TrimSpace(string(content)), "\n")
	work, known := map[string]func(settings) (timing.Report, error){"tokenize": tokenize, "embed": embedding, "train": training}[args[0]]
	if !known {
		return fmt.Errorf("there is no %q: it must be tokenize, embed or train", args[0])
	}
	report, err := work(s)
	if err != nil {
		return err
	}
	report.Threads = runtime.GOMAXPROCS(0)
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
