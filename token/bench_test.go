package token_test

import (
	"bufio"
	"os"
	"testing"
)

// The tokenizers of ALIKE_TOKENIZER, a folder, on the lines of ALIKE_TEXT, or of testdata on the project's pages:
//
//	go test ./token -run - -bench .
func BenchmarkEncode(b *testing.B) {
	texts := pages(b)
	if path := os.Getenv("ALIKE_TEXT"); path != "" {
		texts = lines(b, path)
	}
	dirs := []string{"testdata/bert", "testdata/json/roberta", "testdata/json/unigram", "testdata/clip"}
	if dir := os.Getenv("ALIKE_TOKENIZER"); dir != "" {
		dirs = []string{dir}
	}
	for _, dir := range dirs {
		tokenizer := load(b, dir)
		b.Run(dir, func(b *testing.B) {
			var ids []int32
			bytes, tokens := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				bytes, tokens = 0, 0
				for _, text := range texts {
					ids, _ = tokenizer.Append(ids[:0], text, 0)
					bytes, tokens = bytes+len(text), tokens+len(ids)
				}
			}
			b.SetBytes(int64(bytes))
			b.ReportMetric(float64(tokens)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

func lines(b *testing.B, path string) []string {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var texts []string
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		texts = append(texts, scanner.Text())
	}
	if err := scanner.Err(); err != nil {
		b.Fatal(err)
	}
	return texts
}
