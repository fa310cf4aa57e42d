package data

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/internal/rng"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sentences returns a text of n different sentences of a length drawn by the seed, of three classes.
func sentences(t testing.TB, n int, seed uint64) *Text {
	var content strings.Builder
	random := rng.New(seed, 0, 0, 0)
	content.WriteString("class,text\n")
	for i := range n {
		fmt.Fprintf(&content, "%c,%d%s\n", 'a'+i%3, i, strings.Repeat(" word", random.IntN(60)))
	}
	opt := columnsOf("text")
	opt.Class = "class"
	text := openText(t, writeFile(t, "a.csv", []byte(content.String())), opt)
	if text.Len() != n {
		t.Fatalf("%d of %d rows", text.Len(), n)
	}
	return text
}

// tokens makes two views: the bytes of the text, and a random number of the item and its epoch.
func tokens(size, window, workers, ahead int) TextBatchOptions {
	return TextBatchOptions{Size: size, Views: 2, Window: window, Workers: workers, Ahead: ahead, NewFill: func() TextFill {
		return func(views [][]int32, row TextRow, epoch, item int) {
			views[0] = views[0][:0]
			for _, b := range []byte(row.Texts[0]) {
				views[0] = append(views[0], int32(b))
			}
			views[1] = append(views[1][:0], int32(rng.New(1, epoch, item, 1).IntN(1000)), int32(epoch))
		}
	}}
}

type textRecordOf struct {
	Epoch, Step int
	Items       []int
	Views       [][][]int32
}

func walkText(t interface{ Fatal(...any) }, text *Text, seed uint64, opt TextBatchOptions, epoch, step, epochs int) []textRecordOf {
	loader, err := TrainTextLoader(text, seed, opt)
	if err != nil {
		t.Fatal(err)
	}
	var all []textRecordOf
	for b, err := range loader.Batches(context.Background(), epoch, step, epochs) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, copyOfText(b))
	}
	return all
}

func copyOfText(b *TextBatch) textRecordOf {
	r := textRecordOf{b.Epoch, b.Step, slices.Clone(b.Items), nil}
	for _, view := range b.Views {
		var rows [][]int32
		for _, row := range view {
			rows = append(rows, slices.Clone(row))
		}
		r.Views = append(r.Views, rows)
	}
	return r
}

func TestAnyNumberOfWorkersLoadsTheSameText(t *testing.T) {
	text := sentences(t, 47, 1)
	for _, window := range []int{0, 3} {
		want := walkText(t, text, 7, tokens(5, window, 1, 1), 0, 0, 3)
		if len(want) != 3*9 {
			t.Fatalf("%d batches", len(want))
		}
		for _, workers := range []int{2, 3, 8} {
			if got := walkText(t, text, 7, tokens(5, window, workers, workers), 0, 0, 3); !reflect.DeepEqual(want, got) {
				t.Errorf("window %d, %d workers: other batches", window, workers)
			}
		}
		for at := range want {
			if got := walkText(t, text, 7, tokens(5, window, 2, 2), at/9, at%9, 3); !reflect.DeepEqual(want[at:], got) {
				t.Errorf("window %d, resumed at batch %d: other batches", window, at)
			}
		}
	}
}

func TestEveryRowAtMostOnceAnEpoch(t *testing.T) {
	all := sentences(t, 60, 2)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		text := all.with(make([]uint32, 0, n))
		for i := range n {
			text.rows = append(text.rows, uint32(59-i))
		}
		size := rapid.IntRange(1, n).Draw(t, "size")
		window := rapid.OneOf(rapid.IntRange(0, 5), rapid.Just(math.MaxInt)).Draw(t, "window")
		seed := rapid.Uint64().Draw(t, "seed")
		seen := make(map[[2]int]bool)
		batches := walkText(t, text, seed, tokens(size, window, rapid.IntRange(1, 4).Draw(t, "workers"), 0), 0, 0, 2)
		if len(batches) != 2*(n/size) {
			t.Fatalf("%d batches of %d of %d rows", len(batches), size, n)
		}
		for _, b := range batches {
			for i, item := range b.Items {
				if seen[[2]int{b.Epoch, item}] {
					t.Fatalf("row %d comes twice in epoch %d", item, b.Epoch)
				}
				seen[[2]int{b.Epoch, item}] = true
				row, err := text.Row(item)
				if err != nil {
					t.Fatal(err)
				}
				if len(b.Views[0][i]) != len(row.Texts[0]) || b.Views[1][i][1] != int32(b.Epoch) {
					t.Fatalf("row %d of step %d is not that of item %d in epoch %d", i, b.Step, item, b.Epoch)
				}
			}
			if len(b.Items) != size || len(b.Views[0]) != size {
				t.Fatalf("a batch of %d rows, %d filled", len(b.Items), len(b.Views[0]))
			}
		}
	})
}

// TestWindowsMakeBatchesOfSimilarLength, and change neither which rows an epoch has nor that every epoch mixes them anew.
func TestWindowsMakeBatchesOfSimilarLength(t *testing.T) {
	const size, window = 8, 10
	text := sentences(t, 8*20+3, 3)
	padding := func(batches []textRecordOf) (waste int) {
		for _, b := range batches {
			longest := 0
			for _, row := range b.Views[0] {
				longest = max(longest, len(row))
			}
			for _, row := range b.Views[0] {
				waste += longest - len(row)
			}
		}
		return waste
	}
	rows := func(batches []textRecordOf) (all []int) {
		for _, b := range batches {
			all = append(all, b.Items...)
		}
		slices.Sort(all)
		return all
	}
	shuffled, sorted := walkText(t, text, 5, tokens(size, 0, 2, 0), 0, 0, 1), walkText(t, text, 5, tokens(size, window, 2, 0), 0, 0, 1)
	if a, b := padding(shuffled), padding(sorted); b > a/4 {
		t.Errorf("%d of padding, %d with windows", a, b)
	}
	if diff := cmp.Diff(rows(shuffled), rows(sorted)); diff != "" {
		t.Errorf("windows change the rows of the epoch: %s", diff)
	}
	// Batches are not in the order of their lengths: about half of the steps go up, not all but one.
	up := 0
	for i := 1; i < len(sorted); i++ {
		if len(sorted[i].Views[0][0]) > len(sorted[i-1].Views[0][0]) {
			up++
		}
	}
	if up < 4 || up > 16 {
		t.Errorf("%d of %d batches are longer than the one before", up, len(sorted))
	}
	next := walkText(t, text, 5, tokens(size, window, 2, 0), 1, 0, 2)
	if cmp.Equal(sorted[0].Items, next[0].Items) {
		t.Error("two epochs begin with the same batch")
	}
}

// What is measured of rows is what batches are sorted by, of the split alone that was measured.
func TestMeasureTellsLengths(t *testing.T) {
	all := sentences(t, 2100, 3)
	text, held, err := all.HoldOut(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	words := func(row TextRow) int { return len(strings.Fields(row.Texts[0])) }
	before := held.Length(7)
	if err := text.Measure(func(row TextRow) int { return 100 - words(row) }); err != nil {
		t.Fatal(err)
	}
	for i := range text.Len() {
		row, err := text.Row(i)
		if err != nil || text.Length(i) != 100-words(row) {
			t.Fatalf("row %d has length %d, of %d words (%v)", i, text.Length(i), words(row), err)
		}
	}
	if held.Length(7) != before {
		t.Error("the other split was measured too")
	}
	for _, b := range walkText(t, text, 5, tokens(8, 1000, 2, 0), 0, 0, 1) {
		if most, least := text.Length(b.Items[0]), text.Length(b.Items[7]); most > least {
			t.Fatalf("a batch goes from length %d to %d", most, least)
		}
	}
	if err := text.Measure(func(TextRow) int { return 1 << 20 }); err != nil || text.Length(0) != 1<<16-1 {
		t.Errorf("a length is %d (%v)", text.Length(0), err)
	}
	if err := all.Close(); err != nil {
		t.Fatal(err)
	}
	if text.Measure(words) == nil {
		t.Error("a closed text was measured")
	}
}

func TestEvalTextBatchesYieldEveryRowOnce(t *testing.T) {
	text := sentences(t, 23, 4)
	for _, window := range []int{0, 1, 2, 9} {
		var items []int
		for b, err := range EvalTextBatches(context.Background(), text, tokens(4, window, 3, 0)) {
			if err != nil {
				t.Fatal(err)
			}
			if b.Epoch != 0 || b.Step != len(items)/4 || len(b.Views[0]) != len(b.Items) {
				t.Errorf("window %d: epoch %d, step %d, %d of %d rows", window, b.Epoch, b.Step, len(b.Views[0]), len(b.Items))
			}
			for i, item := range b.Items {
				if len(b.Views[0][i]) != text.Length(item) {
					t.Errorf("window %d: row %d has %d bytes, not %d", window, item, len(b.Views[0][i]), text.Length(item))
				}
			}
			items = append(items, b.Items...)
		}
		if window < 2 && !slices.IsSorted(items) {
			t.Errorf("window %d: rows come as %v", window, items)
		}
		slices.Sort(items)
		for i := range text.Len() {
			if len(items) != text.Len() || items[i] != i {
				t.Fatalf("window %d: rows %v", window, items)
			}
		}
	}
}

func TestTextLoadersRefuse(t *testing.T) {
	text := sentences(t, 5, 5)
	for _, opt := range []TextBatchOptions{tokens(0, 0, 0, 0), tokens(6, 0, 0, 0), tokens(1, -1, 0, 0), tokens(1, 0, -1, 0), {Size: 1}} {
		if _, err := TrainTextLoader(text, 1, opt); err == nil {
			t.Errorf("%+v: no error", opt)
		}
	}
	for _, err := range EvalTextBatches(context.Background(), text, TextBatchOptions{Size: 0}) {
		if err == nil {
			t.Error("no error of a batch of 0")
		}
	}
}

// TestTextWalksEndWithTheirGoroutines, however they end.
func TestTextWalksEndWithTheirGoroutines(t *testing.T) {
	text := sentences(t, 40, 6)
	loader, err := TrainTextLoader(text, 1, tokens(4, 2, 3, 2))
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	for b, err := range loader.Batches(context.Background(), 0, 0, 100) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Step == 3 {
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	for _, err := range loader.Batches(ctx, 0, 0, 1<<30) {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("cancelled: %v", last)
	}
	text.Close()
	last = nil
	for _, err := range loader.Batches(context.Background(), 0, 0, 1) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "closed") {
		t.Errorf("closed: %v", last)
	}
	settled(t, before)
}
