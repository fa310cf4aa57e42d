package data

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alike-ml/alike/internal/rng"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// pile returns n pictures, of which those in broken are found damaged only when they are decoded.
func pile(t testing.TB, n int, broken ...int) *Images {
	photos := [][]byte{read(t, "testdata/color.jpg"), read(t, "testdata/turned-6.jpg"), read(t, "testdata/palette.png")}
	fsys := tree(t, nil)
	for i := range n {
		photo := string(photos[i%len(photos)])
		if slices.Contains(broken, i) {
			photo = photo[:len(photo)-60]
		}
		for p, f := range tree(t, map[string]string{fmt.Sprintf("%c/%03d", 'a'+i%2, i): photo}) {
			fsys[p] = f
		}
	}
	folder := openFS(t, fsys)
	if folder.Train.Len() != n {
		t.Fatalf("%d of %d pictures", folder.Train.Len(), n)
	}
	return folder.Train
}

// options have rows of a random number, the sum of the picture, and the number of the item; and of the epoch.
func options(size, workers, ahead int) BatchOptions {
	return BatchOptions{
		Size: size, Workers: workers, Ahead: ahead, Floats: []int{3, 1},
		NewFill: func() FillFunc {
			return func(dst [][]float32, img *image.RGBA, epoch, item int) {
				sum := 0
				for _, p := range img.Pix {
					sum += int(p)
				}
				dst[0][0], dst[0][1], dst[0][2] = rng.New(1, epoch, item, 0).Float32(), float32(sum), float32(item)
				dst[1][0] = float32(epoch)
			}
		},
	}
}

// record is a copy of a batch.
type record struct {
	Epoch, Step int
	Items       []int
	Data        [][]float32
}

func copyOf(b *Batch) record {
	data := make([][]float32, len(b.Data))
	for k := range data {
		data[k] = slices.Clone(b.Data[k])
	}
	return record{b.Epoch, b.Step, slices.Clone(b.Items), data}
}

func trainLoader(t interface{ Fatal(...any) }, images *Images, seed uint64, opt BatchOptions) *Loader {
	l, err := TrainLoader(images, seed, opt)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func walk(t interface{ Fatal(...any) }, l *Loader, epoch, step, epochs int) []record {
	var all []record
	for b, err := range l.Batches(context.Background(), epoch, step, epochs) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, copyOf(b))
	}
	return all
}

// TestAnyNumberOfWorkersLoadsTheSame, with damaged pictures too, and resuming at any step continues as if nothing had
// happened.
func TestAnyNumberOfWorkersLoadsTheSame(t *testing.T) {
	want := walk(t, trainLoader(t, pile(t, 23, 4, 5, 17), 7, options(5, 1, 1)), 0, 0, 3)
	if len(want) != 3*4 {
		t.Fatalf("%d batches", len(want))
	}
	for _, workers := range []int{2, 3, 8} {
		got := walk(t, trainLoader(t, pile(t, 23, 4, 5, 17), 7, options(5, workers, workers)), 0, 0, 3)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
	for at := range want {
		got := walk(t, trainLoader(t, pile(t, 23, 4, 5, 17), 7, options(5, 3, 2)), at/4, at%4, 3)
		if diff := cmp.Diff(want[at:], got); diff != "" {
			t.Errorf("resumed at batch %d: %s", at, diff)
		}
	}
	if got := walk(t, trainLoader(t, pile(t, 23, 4, 5, 17), 7, options(5, 2, 2)), 0, 4, 3); !cmp.Equal(want[4:], got) {
		t.Error("resumed after the last step of an epoch")
	}
}

// TestEveryItemOncePerEpoch holds but for those that do not fill a batch.
func TestEveryItemOncePerEpoch(t *testing.T) {
	all := pile(t, 40)
	rapid.Check(t, func(t *rapid.T) {
		images := all.with(all.Items[:rapid.IntRange(1, 40).Draw(t, "n")])
		size := rapid.IntRange(1, images.Len()).Draw(t, "size")
		seed := rapid.Uint64().Draw(t, "seed")
		l := trainLoader(t, images, seed, options(size, rapid.IntRange(1, 4).Draw(t, "workers"), rapid.IntRange(0, 3).Draw(t, "ahead")))
		items := make([][]int, 3)
		for _, b := range walk(t, l, 0, 0, 3) {
			items[b.Epoch] = append(items[b.Epoch], b.Items...)
			for i, item := range b.Items {
				if b.Data[0][3*i+2] != float32(item) || b.Data[1][i] != float32(b.Epoch) {
					t.Fatalf("row %d of step %d is not that of item %d in epoch %d", i, b.Step, item, b.Epoch)
				}
			}
		}
		for epoch, got := range items {
			if want := rng.New(seed, epoch, 0, rng.Shuffle).Perm(images.Len())[:l.StepsPerEpoch()*size]; !cmp.Equal(want, got) {
				t.Fatalf("epoch %d has %v, want %v", epoch, got, want)
			}
		}
	})
}

// TestDamagedPicturesAreReplaced by others in training: the rest of the epoch is as if they were whole.
func TestDamagedPicturesAreReplaced(t *testing.T) {
	broken := []int{1, 2, 8}
	whole := walk(t, trainLoader(t, pile(t, 12), 3, options(4, 2, 2)), 0, 0, 5)
	images := pile(t, 12, broken...)
	got := walk(t, trainLoader(t, images, 3, options(4, 2, 2)), 0, 0, 5)
	path := func(item int) string { return fmt.Sprintf("/%03d", item) }
	isBroken := func(item int) bool {
		return slices.ContainsFunc(broken, func(b int) bool { return strings.HasSuffix(images.Items[item].Path, path(b)) })
	}
	replaced := 0
	for s := range whole {
		for i, item := range whole[s].Items {
			shown := got[s].Items[i]
			if isBroken(shown) || !isBroken(item) && shown != item {
				t.Fatalf("step %d: %d shown for %d", s, shown, item)
			}
			if isBroken(item) {
				replaced++
				if got[s].Data[0][3*i] != whole[s].Data[0][3*i] {
					t.Errorf("the random numbers of item %d changed with its picture", item)
				}
			}
		}
	}
	if replaced != 5*len(broken) || images.Skipped.Len() != len(broken) {
		t.Errorf("%d replaced, skipped %v", replaced, images.Skipped.List())
	}
}

func TestNothingReadableLeft(t *testing.T) {
	images := pile(t, 3, 0, 1, 2)
	batches := 0
	var err error
	for _, err = range trainLoader(t, images, 1, options(2, 2, 2)).Batches(context.Background(), 0, 0, 1) {
		batches++
	}
	if batches != 1 || !errors.Is(err, ErrNoImages) || err.Error() != "no readable image left: all 3 images of the data set failed to decode" {
		t.Errorf("%d batches, %v", batches, err)
	}
	batches = 0
	for _, err = range EvalBatches(context.Background(), images, options(2, 2, 2)) {
		batches++
	}
	if batches != 1 || !errors.Is(err, ErrNoImages) {
		t.Errorf("%d batches, %v", batches, err)
	}
}

func TestEvalBatches(t *testing.T) {
	all := pile(t, 20)
	rapid.Check(t, func(t *rapid.T) {
		images := all.with(all.Items[:rapid.IntRange(1, 20).Draw(t, "n")])
		opt := options(rapid.IntRange(1, 25).Draw(t, "size"), rapid.IntRange(1, 4).Draw(t, "workers"), 0)
		next := 0
		for b, err := range EvalBatches(context.Background(), images, opt) {
			if err != nil {
				t.Fatal(err)
			}
			if b.Epoch != 0 || b.Step != next/opt.Size || len(b.Items) != min(opt.Size, images.Len()-next) {
				t.Fatalf("step %d with %d items at item %d", b.Step, len(b.Items), next)
			}
			for i, item := range b.Items {
				if item != next || b.Data[0][3*i+2] != float32(item) {
					t.Fatalf("item %d, want %d", item, next)
				}
				next++
			}
		}
		if next != images.Len() {
			t.Fatalf("%d of %d items", next, images.Len())
		}
	})
}

// TestEvalLeavesDamagedPicturesOut, one of them at an end of a batch, and a whole batch.
func TestEvalLeavesDamagedPicturesOut(t *testing.T) {
	images := pile(t, 9, 0, 8, 2, 4, 6) // in the order of the index: 0 2 4 6 8 1 3 5 7
	var items []int
	steps := 0
	for b, err := range EvalBatches(context.Background(), images, options(3, 2, 1)) {
		if err != nil {
			t.Fatal(err)
		}
		steps++
		for i, item := range b.Items {
			if b.Data[0][3*i+2] != float32(item) {
				t.Errorf("row %d of %v is that of item %v", i, b.Items, b.Data[0][3*i+2])
			}
		}
		items = append(items, b.Items...)
	}
	if !cmp.Equal(items, []int{5, 6, 7, 8}) || steps != 2 {
		t.Errorf("items %v in %d steps", items, steps)
	}
}

func TestLoaderRefuses(t *testing.T) {
	images := pile(t, 5)
	for _, opt := range []BatchOptions{options(0, 1, 1), options(-1, 1, 1), options(6, 1, 1), options(1, -1, 1), options(1, 1, -1)} {
		if _, err := TrainLoader(images, 1, opt); err == nil {
			t.Errorf("accepted %+v", opt)
		}
	}
	_, err := TrainLoader(images, 1, options(6, 1, 1))
	if want := "a batch of 6 is larger than the data set of 5 images: use a batch of at most 5"; err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
	for b, err := range EvalBatches(context.Background(), images, options(0, 1, 1)) {
		if b != nil || err == nil {
			t.Errorf("batch %v, error %v", b, err)
		}
	}
}

// settled waits until no more goroutines than before are there.
func settled(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

func TestLeavingEarlyEndsTheGoroutines(t *testing.T) {
	images := pile(t, 30)
	before := runtime.NumGoroutine()
	for stop := range 4 {
		n := 0
		for range trainLoader(t, images, 1, options(7, 3, 3)).Batches(context.Background(), 0, 0, 100) {
			if n++; n > stop {
				break
			}
		}
		settled(t, before)
	}
	func() {
		defer func() { recover() }()
		for range EvalBatches(context.Background(), images, options(7, 3, 3)) {
			panic("in the loop")
		}
	}()
	settled(t, before)
}

func TestCancel(t *testing.T) {
	images := pile(t, 30)
	before := runtime.NumGoroutine()
	for stop := range 4 {
		ctx, cancel := context.WithCancel(context.Background())
		n := 0
		var last error
		for _, err := range trainLoader(t, images, 1, options(7, 3, 3)).Batches(ctx, 0, 0, 1000) {
			last = err
			if n++; n > stop {
				cancel()
			}
		}
		cancel()
		if !errors.Is(last, context.Canceled) || n > stop+3 {
			t.Errorf("cancelled at batch %d: %d batches, error %v", stop, n, last)
		}
		settled(t, before)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for b, err := range EvalBatches(ctx, images, options(7, 3, 3)) {
		if b != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("batch %v, error %v", b, err)
		}
	}
}

// TestMemoryDoesNotGrow with the epochs.
func TestMemoryDoesNotGrow(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var early uint64
	for b, err := range trainLoader(t, pile(t, 60), 1, options(20, 2, 2)).Batches(context.Background(), 0, 0, 60) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Epoch == 5 && b.Step == 0 {
			early = heap()
		}
		if b.Epoch == 59 && b.Step == 2 {
			if late := heap(); late > early+1<<18 {
				t.Errorf("%d bytes in epoch 5, %d in epoch 59", early, late)
			}
		}
	}
}

// TestOnlyTheseBatchesAreMadeAhead, so that memory is bounded: Ahead of them, beside the one at the receiver.
func TestOnlyTheseBatchesAreMadeAhead(t *testing.T) {
	var filled, fills atomic.Int64
	opt := BatchOptions{Size: 2, Floats: []int{1}, Workers: 3, Ahead: 2, NewFill: func() FillFunc {
		fills.Add(1)
		return func([][]float32, *image.RGBA, int, int) { filled.Add(1) }
	}}
	for range trainLoader(t, pile(t, 40), 1, opt).Batches(context.Background(), 0, 0, 1) {
		for range 100 {
			if filled.Load() == 6 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
		if n := filled.Load(); n != 6 {
			t.Errorf("%d rows filled", n)
		}
		break
	}
	if fills.Load() != 3 {
		t.Errorf("%d fill functions for 3 workers", fills.Load())
	}
}

// TestWaited sees a receiver wait for slow workers, and not for batches that were ready.
func TestWaited(t *testing.T) {
	opt := BatchOptions{Size: 1, Floats: []int{1}, Workers: 1, Ahead: 1, NewFill: func() FillFunc {
		return func([][]float32, *image.RGBA, int, int) { time.Sleep(20 * time.Millisecond) }
	}}
	for b, err := range trainLoader(t, pile(t, 4), 1, opt).Batches(context.Background(), 0, 0, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Step == 0 && b.Waited < 20*time.Millisecond {
			t.Errorf("waited %v for a batch that takes longer", b.Waited)
		}
	}
}

// BenchmarkLoad reads, decodes and hands out pictures of 22 x 14 pixels.
func BenchmarkLoad(b *testing.B) {
	images := pile(b, 256)
	l := trainLoader(b, images, 1, options(64, 0, 0))
	b.ReportAllocs()
	n := 0
	for _, err := range l.Batches(context.Background(), 0, 0, 1<<30) {
		if err != nil {
			b.Fatal(err)
		}
		if n += 64; n >= b.N {
			break
		}
	}
}
