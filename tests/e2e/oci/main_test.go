// Package oci proves what policy-host does with registries: against a registry with the referrers API and
// one without, and against the tools that others use on the same content.
package oci

import (
	"os"
	"strings"
	"testing"

	"policy-host/tests/e2e/harness"
)

var dirs harness.Dirs

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	var err error
	if dirs, err = harness.NewDirs("../../..", "registries"); err != nil {
		harness.Progress("%v", err)
		return 1
	}
	code := m.Run()
	if panics := dirs.Panics(); len(panics) > 0 {
		harness.Progress("policy-host panicked: %s", strings.Join(panics, "\n"))
		return 1
	}
	return code
}
