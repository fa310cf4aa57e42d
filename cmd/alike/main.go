// Command alike learns which things are alike: contrastive learning in one program. See alike --help.
package main

import (
	"os"

	"github.com/alike-ml/alike/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
