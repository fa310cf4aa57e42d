package data

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// TestGroupsOfEveryFormat are those of equal names; a picture without a name is one by itself, and so is each without a column.
func TestGroupsOfEveryFormat(t *testing.T) {
	type row struct {
		Image   string `parquet:"image"`
		Caption string `parquet:"caption"`
		Class   string `parquet:"class"`
		Group   int64  `parquet:"group,optional"`
	}
	dir := filepath.Dir(pairFolder(t, "t.csv", "group,image,caption,class\n1,a.jpg,a,x\n,deep/b.png,b,y\n1,c.jpg,c,\n", threePictures))
	if err := parquet.WriteFile(filepath.Join(dir, "t.parquet"), []row{{"a.jpg", "a", "x", 1}, {"deep/b.png", "b", "y", 0}, {"c.jpg", "c", "", 1}}); err != nil {
		t.Fatal(err)
	}
	jsonl := pairFolder(t, "t.jsonl", `{"group":1,"image":"a.jpg","caption":"a","class":"x"}
{"group":"","image":"deep/b.png","caption":"b","class":"y"}
{"group":"1","image":"c.jpg","caption":"c"}`, threePictures)
	color := string(read(t, "testdata/color.jpg"))
	tar := shardFolder(t, map[string][]byte{"t.tar": packed(t,
		[2]string{"1.jpg", color}, [2]string{"1.txt", "a"}, [2]string{"1.json", `{"group":1,"class":"x"}`},
		[2]string{"2.jpg", color}, [2]string{"2.txt", "b"}, [2]string{"2.json", `{"class":"y"}`},
		[2]string{"3.jpg", color}, [2]string{"3.txt", "c"}, [2]string{"3.group", "1"},
	)})
	for _, path := range []string{filepath.Join(dir, "t.csv"), filepath.Join(dir, "t.parquet"), jsonl, filepath.Join(tar, "t.tar")} {
		opt := DefaultPairOptions()
		opt.Class, opt.Group = "class", "group"
		pairs := openPairs(t, path, opt)
		if diff := cmp.Diff([][]int{{0, 2}, {1}}, pairs.Turns()); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if row, err := pairs.Row(1); err != nil || row.Class != "y" {
			t.Errorf("%s: %+v, %v", path, row, err)
		}
		opt.Group = ""
		plain := openPairs(t, path, opt)
		if diff := cmp.Diff([][]int{{0}, {1}, {2}}, plain.Turns()); diff != "" {
			t.Errorf("%s without groups: %s", path, diff)
		}
		if plain.Fingerprint() == pairs.Fingerprint() {
			t.Errorf("%s: groups are not in the fingerprint", path)
		}
	}
}

// TestPicturesOfAGroupTakeTurns: an epoch has one picture of each group, in any order of the groups, and evenly over epochs; resuming
// changes nothing. What is held out has whole groups.
func TestPicturesOfAGroupTakeTurns(t *testing.T) {
	const epochs = 600
	pairs := manyPairs(t, 12)
	pairs.groups = []string{"a", "", "b", "a", "", "b", "a", "c", "", "b", "b", ""}
	groups := pairs.Turns()
	if diff := cmp.Diff([][]int{{0, 3, 6}, {1}, {2, 5, 9, 10}, {4}, {7}, {8}, {11}}, groups); diff != "" {
		t.Fatal(diff)
	}
	steps := walkPairs(t, pairs, 3, pairOptions(7, 2, 2), 0, 0, epochs)
	if len(steps) != epochs {
		t.Fatalf("%d steps of 7 in %d epochs of 7 groups", len(steps), epochs)
	}
	shown, orders := make(map[int]int), make(map[int]bool)
	for _, b := range steps {
		for _, group := range groups {
			n := 0
			for _, item := range b.Pictures.Items {
				if slices.Contains(group, item) {
					n++
					shown[item]++
				}
			}
			if n != 1 {
				t.Fatalf("%v has %d of group %v", b.Pictures.Items, n, group)
			}
		}
		orders[slices.Index(b.Pictures.Items, 1)] = true
	}
	for _, group := range groups {
		for _, item := range group {
			if share := epochs / len(group); shown[item] < share*3/4 || shown[item] > share*5/4 {
				t.Errorf("picture %d of %v is shown %d times in %d epochs", item, group, shown[item], epochs)
			}
		}
	}
	if len(orders) != 7 {
		t.Errorf("picture 1 is in %d places", len(orders))
	}
	if diff := cmp.Diff(steps[17:20], walkPairs(t, pairs, 3, pairOptions(7, 1, 1), 17, 0, 20)); diff != "" {
		t.Errorf("resumed: %s", diff)
	}
	if _, err := TrainPairLoader(pairs, 3, pairOptions(8, 1, 1)); err == nil {
		t.Error("a batch of 8 pictures of 7 groups")
	}
	for i := range pairs.content { // as if the files were all different
		pairs.content[i] = int32(i)
	}
	for seed := range uint64(20) {
		train, held, err := pairs.HoldOut(5, seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range train.groups {
			if name != "" && slices.Contains(held.groups, name) {
				t.Fatalf("group %q is on both sides", name)
			}
		}
	}
}
