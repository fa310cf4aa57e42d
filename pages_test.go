package alike_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The README's program is the example's, to the letter, and so it compiles and runs.
func TestREADMEShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "example_test.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var learn string
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "learn" {
			learn = string(source[files.Position(f.Doc.Pos()).Offset:files.Position(f.End()).Offset])
		}
	}
	if blocks := fenced(t, "go"); len(blocks) != 1 || blocks[0] != learn {
		t.Errorf("the Go code of README.md is\n%s\nand the example's is\n%s", strings.Join(blocks, "\n"), learn)
	}
}

// The guide's code is that of the files it names, to the letter, and all of the method that it walks through is there.
func TestGuideQuotesTheMethod(t *testing.T) {
	guide, err := os.ReadFile("docs/new-method.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, quote := range regexp.MustCompile("(?s)```go *([^\n]*)\n(.*?)\n```").FindAllStringSubmatch(string(guide), -1) {
		source, err := os.ReadFile(quote[1])
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(source), quote[2]+"\n") {
			t.Errorf("docs/new-method.md quotes of %s what is not there:\n%s", quote[1], quote[2])
		}
	}
	const path = "method/simsiam.go"
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			continue
		}
		if text := string(source[files.Position(d.Pos()).Offset:files.Position(d.End()).Offset]); !strings.Contains(string(guide), text) {
			t.Errorf("docs/new-method.md leaves out\n%s", text)
		}
	}
}

// Every picture of the README is there and small, and every page that it or its neighbours link to exists.
func TestPagesLinkToWhatThereIs(t *testing.T) {
	for _, page := range []string{"README.md", "CONTRIBUTING.md", "docs/new-method.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)|src="([^":]+)"`).FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join(filepath.Dir(page), link[1]+link[2])
			if info, err := os.Stat(target); err != nil || strings.HasPrefix(target, "docs/images/") && info.Size() > 400_000 {
				t.Errorf("%s refers to %s, which is missing or too large (%v)", page, target, err)
			}
		}
	}
}

// What is required directly, here and in the modules of tools and generators, is on the page that says what for.
func TestEveryDependencyIsExplained(t *testing.T) {
	page, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{".", "tools", "engine/asm", "positive/asm"} {
		out, err := exec.Command("go", "mod", "edit", "-json", folder+"/go.mod").Output()
		if err != nil {
			t.Fatal(err)
		}
		var module struct {
			Require []struct {
				Path     string
				Indirect bool
			}
			Tool []struct{ Path string }
		}
		if err := json.Unmarshal(out, &module); err != nil {
			t.Fatal(err)
		}
		for _, required := range module.Require {
			isTool := false // tools are required indirectly
			for _, tool := range module.Tool {
				isTool = isTool || strings.HasPrefix(tool.Path, required.Path+"/")
			}
			if (!required.Indirect || isTool) && !strings.Contains(string(page), "`"+required.Path+"`") {
				t.Errorf("%s/go.mod requires %s, which docs/dependencies.md does not explain", folder, required.Path)
			}
		}
	}
}

// fenced lists the README's blocks of code in a language.
func fenced(t *testing.T, language string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile("(?s)```"+language+"\n(.*?)\n```").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, found[1])
	}
	return blocks
}
