package data

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// sameContent returns a number of each picture that those share whose files are the same, byte by byte. Only pictures with the same
// key are read to their ends. One that cannot be read is like no other.
func sameContent(ctx context.Context, images *Images, keys []uint64) ([]int32, error) {
	sharing := make(map[uint64]int, len(keys))
	for _, key := range keys {
		sharing[key]++
	}
	sums := make([]uint64, len(keys))
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0)) // some wait for the disk while others sum
	for i, key := range keys {
		if sums[i] = key; sharing[key] == 1 {
			continue
		}
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			sum, err := contentSum(images, i)
			if err != nil {
				sum = mixed(key, uint64(i))
			}
			sums[i] = sum
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	number := make(map[uint64]int32, len(sums))
	content := make([]int32, len(sums))
	for i, sum := range sums {
		n, ok := number[sum]
		if !ok {
			n = int32(len(number))
			number[sum] = n
		}
		content[i] = n
	}
	return content, nil
}

// contentSum returns what the whole file of picture i comes to.
func contentSum(images *Images, i int) (uint64, error) {
	f, err := images.fsys.Open(images.Items[i].Path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(hash.Sum(nil)), nil
}

// mixed returns a number that hardly any other two numbers come to.
func mixed(a, b uint64) uint64 {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, a), b))
	return binary.LittleEndian.Uint64(sum[:])
}
