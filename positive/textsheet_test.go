package positive

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTextSheet(t *testing.T) {
	entries := [][]TextLine{
		{{"original", "It is a rather long sentence."}, {"negation", "It is not <a>."}},
		{{"original", ""}},
	}
	var plain, page strings.Builder
	if err := TextSheet(&plain, entries, 33); err != nil {
		t.Fatal(err)
	}
	want := "1  original  It is a rather long\n             sentence.\n   negation  It is not <a>.\n\n2  original\n\n"
	if diff := cmp.Diff(want, plain.String()); diff != "" {
		t.Error(diff)
	}
	if err := TextSheetHTML(&page, entries); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "<tr><th>negation</th><td>It is not &lt;a&gt;.</td></tr>") {
		t.Error(page.String())
	}
}
