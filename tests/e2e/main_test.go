// Package e2e proves policy-host against the real kube-apiserver, Gatekeeper and Kyverno.
package e2e

import (
	"context"
	"os"
	"testing"

	"policy-host/tests/e2e/harness"
)

// What all tests share. Engines start when a test first asks for them.
var (
	dirs    harness.Dirs
	cluster *harness.ControlPlane
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if dirs, err = harness.NewDirs("../.."); err != nil {
		harness.Progress("%v", err)
		return 1
	}
	if cluster, err = harness.StartControlPlane(context.Background(), dirs); err != nil {
		harness.Progress("%v", err)
		return 1
	}
	defer cluster.Stop()
	return m.Run()
}
