package runreport

import (
	"strings"
	"testing"

	"github.com/alike-ml/alike/eval"
)

// The nearest five say something where there are more classes, beside the untrained model's.
func TestTopFiveIsShownOfMoreThanFiveClasses(t *testing.T) {
	five := []string{"a", "b", "c", "d", "e"}
	for _, c := range []struct {
		zeroShot eval.ZeroShot
		want     string
	}{
		{eval.ZeroShot{Classes: five, Top5: 1}, "5 classes"},
		{eval.ZeroShot{Classes: append(five, "f"), Top5: 0.75}, "6 classes; among the nearest five it is for 75.0 %"},
		{eval.ZeroShot{Classes: append(five, "f"), Top5: 0.75, Baselines: &eval.ZeroShotBaselines{RandomInitTop5: 0.5, ChanceTop5: 0.8}},
			"6 classes; among the nearest five it is for 75.0 %, with the untrained model for 50.0 %, by chance for 80.0 %"},
	} {
		list := pairScores(eval.PairReport{Retrieval: &eval.CrossModal{}, ZeroShot: &c.zeroShot})
		if got := list[2].Detail; got != c.want || !strings.HasPrefix(list[2].Task, "Classes") {
			t.Errorf("%s: %q, want %q", list[2].Task, got, c.want)
		}
	}
}
