package data

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/internal/rng"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// manyPairs are n pictures, of which picture i has 1 + i%3 captions; those in broken are found damaged only when they are decoded.
func manyPairs(t testing.TB, n int, broken ...int) *Pairs {
	photos := []string{"color.jpg", "turned-6.jpg", "palette.png"}
	pictures := make(map[string]string)
	var table strings.Builder
	table.WriteString("image\tcaption\n")
	for i := range n {
		name := fmt.Sprintf("%03d", i)
		pictures[name] = photos[i%len(photos)]
		for k := range 1 + i%3 {
			fmt.Fprintf(&table, "%s\tcaption %d of %d\n", name, k, i)
		}
	}
	path := pairFolder(t, "p.tsv", table.String(), pictures)
	for _, i := range broken {
		file := filepath.Join(filepath.Dir(path), fmt.Sprintf("%03d", i))
		photo := read(t, "testdata/"+photos[i%len(photos)])
		if err := os.WriteFile(file, photo[:len(photo)-60], 0o666); err != nil {
			t.Fatal(err)
		}
	}
	pairs := openPairs(t, path, DefaultPairOptions())
	if pairs.Len() != n {
		t.Fatalf("%d of %d pictures", pairs.Len(), n)
	}
	return pairs
}

// pairOptions have rows of a random number and the sum of the picture, and the caption's letters as tokens.
func pairOptions(size, workers, ahead int) PairBatchOptions {
	return PairBatchOptions{
		Size: size, Workers: workers, Ahead: ahead, Floats: []int{2},
		NewFill: func() PairFill {
			return func(dst [][]float32, tokens []int32, img *image.RGBA, caption TextRow, epoch, item int) []int32 {
				sum := 0
				for _, p := range img.Pix {
					sum += int(p)
				}
				dst[0][0], dst[0][1] = rng.New(1, epoch, item, 0).Float32(), float32(sum)
				for _, r := range caption.Texts[0] {
					tokens = append(tokens, r)
				}
				return tokens
			}
		},
	}
}

// pairStep is a copy of a batch.
type pairStep struct {
	Pictures record
	Rows     []int
	Captions []string
}

func walkPairs(t testing.TB, pairs *Pairs, seed uint64, opt PairBatchOptions, epoch, step, epochs int) []pairStep {
	t.Helper()
	l, err := TrainPairLoader(pairs, seed, opt)
	if err != nil {
		t.Fatal(err)
	}
	var all []pairStep
	for b, err := range l.Batches(t.Context(), epoch, step, epochs) {
		if err != nil {
			t.Fatal(err)
		}
		r := pairStep{Pictures: copyOf(&b.Batch), Rows: slices.Clone(b.Rows)}
		for _, tokens := range b.Tokens {
			r.Captions = append(r.Captions, string(tokens))
		}
		all = append(all, r)
	}
	return all
}

// TestAnyNumberOfWorkersLoadsTheSamePairs, with damaged pictures too, and resuming at any step continues as if nothing had happened.
func TestAnyNumberOfWorkersLoadsTheSamePairs(t *testing.T) {
	want := walkPairs(t, manyPairs(t, 23, 4, 5, 17), 7, pairOptions(5, 1, 1), 0, 0, 3)
	if len(want) != 3*4 {
		t.Fatalf("%d batches", len(want))
	}
	for _, workers := range []int{2, 8} {
		if diff := cmp.Diff(want, walkPairs(t, manyPairs(t, 23, 4, 5, 17), 7, pairOptions(5, workers, workers), 0, 0, 3)); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
	again := manyPairs(t, 23, 4, 5, 17)
	for at := range want {
		if diff := cmp.Diff(want[at:], walkPairs(t, again, 7, pairOptions(5, 3, 2), at/4, at%4, 3)); diff != "" {
			t.Errorf("resumed at batch %d: %s", at, diff)
		}
	}
}

// TestCaptionsAreDrawnBySeedEpochAndPicture alone.
func TestCaptionsAreDrawnBySeedEpochAndPicture(t *testing.T) {
	pairs := manyPairs(t, 12)
	for _, b := range walkPairs(t, pairs, 3, pairOptions(4, 2, 2), 0, 0, 5) {
		for i, item := range b.Pictures.Items {
			first, end := pairs.CaptionRows(item)
			if k := rng.New(3, b.Pictures.Epoch, item, rng.Caption).IntN(end - first); b.Rows[i] != first+k {
				t.Errorf("epoch %d, picture %d: caption %d, not %d", b.Pictures.Epoch, item, b.Rows[i]-first, k)
			}
		}
	}
}

// TestCaptionsAreOfTheirPicturesAndTakeTurns: each picture comes once an epoch with one of its own captions, evenly drawn, and what
// stands in for a damaged picture comes with its own.
func TestCaptionsAreOfTheirPicturesAndTakeTurns(t *testing.T) {
	const n, epochs = 12, 400
	pairs := manyPairs(t, n, 7)
	counts := make(map[int]int)
	shown := make(map[int]int)
	for _, b := range walkPairs(t, pairs, 3, pairOptions(4, 2, 2), 0, 0, epochs) {
		for i, item := range b.Pictures.Items {
			first, end := pairs.CaptionRows(item)
			if b.Rows[i] < first || b.Rows[i] >= end {
				t.Fatalf("row %d for picture %d", b.Rows[i], item)
			}
			if want := fmt.Sprintf("caption %d of %d", b.Rows[i]-first, item); b.Captions[i] != want {
				t.Fatalf("%q, not %q", b.Captions[i], want)
			}
			counts[b.Rows[i]]++
			shown[item]++
		}
	}
	if shown[7] != 0 {
		t.Error("a damaged picture is shown")
	}
	for item, total := range shown {
		if total < epochs {
			t.Errorf("picture %d is shown %d times in %d epochs", item, total, epochs)
		}
		first, end := pairs.CaptionRows(item)
		for k := first; k < end; k++ {
			share := total / (end - first)
			if counts[k] < share*3/4 || counts[k] > share*5/4 {
				t.Errorf("caption %d of picture %d comes %d times of %d", k-first, item, counts[k], total)
			}
		}
	}
}

// TestHoldingOutKeepsWhatIsAlikeTogether: no caption and no file is on both sides, the same for the same seed.
func TestHoldingOutKeepsWhatIsAlikeTogether(t *testing.T) {
	photos := []string{"color.jpg", "turned-6.jpg", "palette.png"}
	var table strings.Builder
	table.WriteString("image\tcaption\n")
	pictures := make(map[string]string)
	for i := range 40 {
		name := fmt.Sprintf("%03d", i)
		pictures[name] = photos[i%3]
		fmt.Fprintf(&table, "%s\tcaption %d\n%s\tother %d\n", name, i/3, name, i)
	}
	path := pairFolder(t, "p.tsv", table.String(), pictures)
	for i := range 40 { // a file of its own for all but three
		if i%19 > 0 {
			file := filepath.Join(filepath.Dir(path), fmt.Sprintf("%03d", i))
			photo := read(t, "testdata/"+photos[i%3])
			if err := os.WriteFile(file, append(photo, byte(i)), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := openPairs(t, path, DefaultPairOptions())
	rapid.Check(t, func(t *rapid.T) {
		n, seed := rapid.IntRange(6, 39).Draw(t, "n"), rapid.Uint64().Draw(t, "seed")
		train, held, err := all.HoldOut(n, seed)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := all.HoldOut(n, seed)
		if err != nil || again.Fingerprint() != train.Fingerprint() {
			t.Fatal("another part from the same seed", err)
		}
		if held.Len() > n || held.Len() < n-6 || train.Len()+held.Len() != 40 {
			t.Fatalf("%d to train on and %d held out of 40, for %d", train.Len(), held.Len(), n)
		}
		captions, files, names := make(map[string]bool), make(map[int]bool), make(map[string]bool)
		for i := range train.Len() {
			row, err := train.Row(i)
			if err != nil {
				t.Fatal(err)
			}
			names[row.Name], files[train.ContentID(i)] = true, true
			for _, c := range row.Captions {
				captions[c] = true
			}
		}
		for i := range held.Len() {
			row, err := held.Row(i)
			if err != nil {
				t.Fatal(err)
			}
			if names[row.Name] || files[held.ContentID(i)] || slices.ContainsFunc(row.Captions, func(c string) bool { return captions[c] }) {
				t.Fatalf("%+v is on both sides", row)
			}
		}
	})
}

// TestHoldingOutWhatCannotBeDivided is an error.
func TestHoldingOutWhatCannotBeDivided(t *testing.T) {
	pairs := openPairs(t, pairFolder(t, "p.csv", "image,caption\na.jpg,a cat\nc.jpg,a cat\ndeep/b.png,a cat\n", threePictures), DefaultPairOptions())
	for n, want := range map[int]string{0: "cannot hold out 0 of 3", 3: "cannot hold out 3 of 3", 2: "each is joined to more others"} {
		if _, _, err := pairs.HoldOut(n, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", n, err)
		}
	}
	if _, err := TrainPairLoader(pairs, 1, pairOptions(4, 0, 0)); err == nil || !strings.Contains(err.Error(), "larger than the data set of 3 images") {
		t.Error(err)
	}
}

// TestClosedPairsSaySo when their captions are asked for.
func TestClosedPairsSaySo(t *testing.T) {
	pairs, err := OpenPairs(t.Context(), pairFolder(t, "p.csv", "image,caption\na.jpg,a cat\n", threePictures), DefaultPairOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := pairs.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pairs.Row(0); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Error(err)
	}
	l, err := TrainPairLoader(pairs, 1, pairOptions(1, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range l.Batches(t.Context(), 0, 0, 1) {
		if err == nil || !strings.Contains(err.Error(), "closed") {
			t.Error(err)
		}
	}
}
