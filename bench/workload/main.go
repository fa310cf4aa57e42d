// Command workload times one piece of work on Alike's engine and prints one JSON object. The script of the same name in
// bench/peers does the same work with PyTorch, and bench/compare runs the two in turn.
//
//	go run ./bench/workload gemm      [--precision f32|bf16]
//	go run ./bench/workload conv      [--precision f32|bf16]
//	go run ./bench/workload step      [--precision f32|bf16] [--network resnet18|vit_tiny|text]
//	go run ./bench/workload inference [--precision f32|bf16] [--network resnet18|vit_tiny|text]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/bench/timing"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/guard"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	defer guard.Recover(&err)
	if len(args) == 0 {
		return fmt.Errorf("name what to time: gemm, conv, step or inference")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	precision := flags.String("precision", "f32", "f32 or bf16")
	network := flags.String("network", "resnet18", "resnet18, vit_tiny or text")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	dtype, ok := map[string]dtypes.DType{"f32": dtypes.Float32, "bf16": dtypes.BFloat16}[*precision]
	if !ok {
		return fmt.Errorf("--precision %s: it must be f32 or bf16", *precision)
	}
	net, ok := networks[*network]
	if !ok {
		return fmt.Errorf("--network %s: it must be resnet18, vit_tiny or text", *network)
	}

	backend, err := device.Open(device.Default)
	if err != nil {
		return err
	}
	defer backend.Finalize()
	var cases []timing.Case
	switch args[0] {
	case "gemm":
		cases, err = gemm(backend, dtype)
	case "conv":
		cases, err = convolutions(backend, dtype)
	case "step":
		cases, err = step(backend, net, dtype)
	case "inference":
		cases, err = inference(backend, net, dtype)
	default:
		err = fmt.Errorf("there is no %q: it must be gemm, conv, step or inference", args[0])
	}
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(timing.Report{System: backend.Description(), Threads: runtime.GOMAXPROCS(0), Cases: cases})
}

// seconds times a graph: f is as model.NewExec takes it.
func seconds[F model.ExecGraphFn](backend compute.Backend, f F, inputs ...any) (float64, error) {
	exec, err := model.NewExec(backend, model.NewStore(), f)
	if err != nil {
		return 0, err
	}
	defer exec.Finalize()
	return timing.Seconds(func() error {
		outputs, err := exec.Exec(inputs...)
		if err != nil {
			return err
		}
		return finalize(outputs)
	})
}

func finalize(outputs []*tensors.Tensor) error {
	for _, o := range outputs {
		if err := o.FinalizeAll(); err != nil {
			return err
		}
	}
	return nil
}
