//go:build xla

package device

import (
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
)

// xlaDevices describes what XLA brings. Its plug-ins are libraries of their own, found in the folders that
// PJRT_PLUGIN_LIBRARY_PATH names; none is ever downloaded.
var xlaDevices = []Info{{xlaPrefix + "cpu", "XLA, by the PJRT plug-in of that name in PJRT_PLUGIN_LIBRARY_PATH; likewise xla:cuda and others"}}

// checkXLA says whether XLA can be asked for at all: which plug-ins there are shows when one is opened.
func checkXLA(string) error { return nil }

func openXLA(name string) (compute.Backend, error) {
	return xla.New(strings.TrimPrefix(name, xlaPrefix))
}
