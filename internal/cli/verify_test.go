package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alike-ml/alike/internal/picturetest"
	"github.com/alike-ml/alike/train"
)

// A run's own weights and data are compared; its chunk and its batch may be others than in training.
func TestVerifyLargeBatchOfARun(t *testing.T) {
	pictures, dir := picturetest.Splits(t, 6, 3, 16), filepath.Join(t.TempDir(), "run")
	vit := []string{"--backbone=vit_tiny", "--width=0.34", "--image-size=16", "--epochs=1", "--batch=8"}
	mustAlike(t, append([]string{"train", "simclr", "--data", pictures, "--out", dir}, vit...)...)
	r := mustAlike(t, "verify", "large-batch", dir, "--batch=12", "--chunk=3")
	for _, said := range []string{"simclr, vit_tiny, 12 pictures a step in chunks of 3", "against one piece ", "gradient of backbone", "gradient of projector", "The same: ", "MiB in chunks"} {
		if !strings.Contains(r.stdout, said) {
			t.Errorf("stdout does not say %q:\n%s", said, r.stdout)
		}
	}
	if len(readFile(t, filepath.Join(dir, "config.yaml"))) == 0 {
		t.Error("the run is no longer there")
	}
}

// Where chunks are not the batch, the difference is shown, and the command fails.
func TestVerifyLargeBatchFailsWhereChunksAreNotTheBatch(t *testing.T) {
	r := alike(t, "verify", "large-batch", "simclr", "--backbone=smallcnn", "--width=0.25", "--image-size=16", "--batch=8", "--chunk=4", "--json")
	r.checkRefused(t, 1, "batch norm in smallcnn has the statistics of a chunk")
	var found train.LargeBatch
	if err := json.Unmarshal([]byte(r.stdout), &found); err != nil {
		t.Fatal(err)
	}
	if !found.BatchNorm || found.Equal() || found.OnePieceMemory <= found.ChunkedMemory || found.ChunkedMemory <= 0 || len(found.Comparisons) != 1 {
		t.Errorf("printed is %+v", found)
	}
	for _, p := range found.Comparisons[0].Parts {
		if p.Part == "backbone" && !(p.Difference > p.Bound && p.Largest > 0) {
			t.Errorf("printed is %+v", p)
		}
	}
}

func TestVerifyLargeBatchSaysWhatItCannotCompare(t *testing.T) {
	alike(t, "verify", "large-batch", "simclr").checkRefused(t, 2, "--chunk")
	alike(t, "verify", "large-batch", "byol", "--chunk=64").checkRefused(t, 2, "no negatives")
	alike(t, "verify", "large-batch", "simclr", "--batch=256", "--chunk=100").checkRefused(t, 2, "64 and 128")
	alike(t, "verify", "large-batch", t.TempDir(), "--chunk=64").checkRefused(t, 2, "there is no method")
}
