package cli

import (
	"strings"
	"testing"

	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/train"
)

// TestARunSaysHowManyPicturesAreFromElsewhere than its table's folder, and nothing when none is.
func TestARunSaysHowManyPicturesAreFromElsewhere(t *testing.T) {
	config := train.DefaultCLIP(32, "clip_small", method.Softmax)
	for outside, want := range map[int]bool{0: false, 3: true} {
		if got := describe(config, train.Start{Train: 5, Outside: outside}); strings.Contains(got, "(3 pictures lie outside of the table's folder)") != want {
			t.Errorf("%d: %s", outside, got)
		}
	}
}

// Of pictures that take turns it is said how many there are in an epoch.
func TestTurnsAreSaid(t *testing.T) {
	config := train.DefaultCLIP(32, "static", method.Softmax)
	for turns, want := range map[int]bool{5: false, 3: true} {
		if got := describe(config, train.Start{Train: 5, Turns: turns}); strings.Contains(got, "(those of a group take turns, 3 an epoch)") != want {
			t.Errorf("%d of 5: %s", turns, got)
		}
	}
}
