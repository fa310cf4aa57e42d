package alike_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/train"
)

// learn trains an encoder on a folder of pictures and returns a vector for each of them. The settings are those of a run
// that takes a second; leave out the second line for the defaults.
func learn(ctx context.Context, pictures, run string) (vectors metric.Matrix, err error) {
	config := train.DefaultSimCLR(16).WithEpochs(2) // of SimCLR, for pictures of 16 pixels
	config.Backbone, config.Width, config.Batch = "smallcnn", 0.25, 16
	config.Data = pictures
	if _, err := train.Run(ctx, config, run, train.Options{}); err != nil {
		return vectors, err
	}
	model, err := embed.Open(train.ModelDir(run))
	if err != nil {
		return vectors, err
	}
	defer model.Close()
	folder, err := data.OpenImageFolder(ctx, pictures, data.FolderOptions{})
	if err != nil {
		return vectors, err
	}
	vectors, _, err = model.Embed(ctx, folder.Train, nil)
	return vectors, err
}

func Example() {
	home, err := os.MkdirTemp("", "alike")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(home)
	pictures := filepath.Join(home, "pictures")
	if err := picturetest.Write(pictures, []string{"red", "green", "blue"}, 20, 16, 1); err != nil {
		log.Fatal(err)
	}
	vectors, err := learn(context.Background(), pictures, filepath.Join(home, "run"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(vectors.Rows, "vectors of", vectors.Cols, "numbers")
	// Output: 60 vectors of 64 numbers
}
