package nearest

import (
	"testing"

	"pgregory.net/rapid"
)

func TestName(t *testing.T) {
	known := []string{"simclr", "moco", "mocov2", "swav", "byol"}
	for _, c := range []struct{ given, want string }{
		{"simclr", "simclr"}, {"simlcr", "simclr"}, {"SimCLR", "simclr"}, {"moc", "moco"}, {"mocov3", "mocov2"},
		{"resnet", ""}, {"", ""}, {"bylo", "byol"}, {"foo", ""}, {"mo", ""},
	} {
		if got := Name(c.given, known); got != c.want {
			t.Errorf("Name(%q) = %q, want %q", c.given, got, c.want)
		}
	}
}

func TestDistanceIsSymmetricAndZeroOnEquals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.StringMatching(`[a-c]{0,6}`).Draw(t, "a"), rapid.StringMatching(`[a-c]{0,6}`).Draw(t, "b")
		if distance(a, b) != distance(b, a) {
			t.Fatalf("distance(%q, %q) is not symmetric", a, b)
		}
		if (distance(a, b) == 0) != (a == b) {
			t.Fatalf("distance(%q, %q) = %d", a, b, distance(a, b))
		}
		if d := distance(a, b); d < abs(len(a)-len(b)) || d > max(len(a), len(b)) {
			t.Fatalf("distance(%q, %q) = %d is out of bounds", a, b, d)
		}
	})
}

func abs(x int) int { return max(x, -x) }
