package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/train"
)

// viewsOfText is how many epochs' views of a text are shown where nobody says, and textWidth how wide a line is that is not on a
// terminal.
const (
	viewsOfText = 3
	textWidth   = 110
)

// text prints the first rows of a file of text with what a run would make of them, and writes them as a page if a file is named.
func (v viewsCommand) text(ctx context.Context, c console, config train.Config, m method.TextMethod) error {
	views := viewsOfText
	override(&views, v.Views)
	if v.Rows < 1 || views < 1 {
		return usageError{fmt.Errorf("cannot show %d rows with %d views each: show at least one", v.Rows, views)}
	}
	if v.Out != "" {
		if filepath.Ext(v.Out) != ".html" {
			return usageError{fmt.Errorf("%s: sheets of texts are pages: let the name end in .html", v.Out)}
		}
		if err := checkFolderOf(v.Out); err != nil {
			return err
		}
	}
	if m.Views() == (method.TextViews{}) && len(config.Text.Texts) < 2 {
		return usageError{fmt.Errorf("%s makes nothing of texts with these settings: %s; try --set %[1]s.positive.delete=0.1 or --set %[1]s.negatives.negation=true", m.Name(), unchanged(m))}
	}
	sheet, err := train.ViewTexts(ctx, config, v.Rows, views)
	if err != nil {
		return err
	}
	printDropped(c.err, sheet.Dropped)
	if err := positive.TextSheet(c.out, sheet.Rows, widthOf(c.out)); err != nil {
		return err
	}
	if v.Out == "" {
		return nil
	}
	if err := atomicfile.Write(v.Out, func(w io.Writer) error { return positive.TextSheetHTML(w, sheet.Rows) }); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d rows are in %s\n", len(sheet.Rows), v.Out)
	return nil
}

// unchanged says what a method learns from texts as they are.
func unchanged(m method.TextMethod) string {
	if m.Name() == "supcon_text" {
		return "rows of one class attract each other as they are"
	}
	return "the two embeddings of a sentence differ by dropout in the encoder alone"
}

// widthOf is how many characters a line of an output takes.
func widthOf(out io.Writer) int {
	if r, ok := out.(*remembering); ok {
		out = r.Writer
	}
	if file, ok := out.(*os.File); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			return width
		}
	}
	return textWidth
}
