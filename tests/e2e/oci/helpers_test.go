package oci

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"policy-host/tests/e2e/harness"
)

// The bundle that is sent around where it does not matter which.
const bundle = "default"

func must[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// registries are those that most tests share, one of each kind, without TLS.
var registries = map[harness.RegistryKind]func() (*harness.Registry, error){
	harness.Olareg:         shared(harness.Olareg),
	harness.DockerRegistry: shared(harness.DockerRegistry),
}

func shared(kind harness.RegistryKind) func() (*harness.Registry, error) {
	return sync.OnceValues(func() (*harness.Registry, error) {
		return harness.StartRegistry(context.Background(), dirs, harness.RegistryOptions{Kind: kind, Name: string(kind)})
	})
}

// onEach runs a test against each kind of registry.
func onEach(t *testing.T, test func(t *testing.T, registry *harness.Registry)) {
	t.Helper()
	for kind, start := range registries {
		t.Run(string(kind), func(t *testing.T) {
			registry := must[*harness.Registry](t)(start())
			showLogOnFailure(t, registry.Process)
			test(t, registry)
		})
	}
}

// ownRegistry is one that a test may do anything to.
func ownRegistry(t *testing.T, options harness.RegistryOptions) *harness.Registry {
	t.Helper()
	options.Name = name(t) + "-registry"
	registry := must[*harness.Registry](t)(harness.StartRegistry(t.Context(), dirs, options))
	t.Cleanup(func() { registry.Kill() })
	showLogOnFailure(t, registry.Process)
	return registry
}

func showLogOnFailure(t *testing.T, process *harness.Process) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(process.Tail())
		}
	})
}

// name is the test's, as a file's or a repository's.
func name(t *testing.T) string {
	return strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
}

// newMachine makes a machine for a test; one more for each role that is named.
func newMachine(t *testing.T, role string) *harness.Machine {
	t.Helper()
	return must[*harness.Machine](t)(harness.NewMachine(dirs, name(t)+"-"+role))
}

// run runs a command that must succeed, and gives what it prints.
func run(t *testing.T, command func(...string) ([]byte, error), arguments ...string) string {
	t.Helper()
	return string(must[[]byte](t)(command(arguments...)))
}

// refused runs a command of policy-host that must fail as it does on purpose, and say all these words; it gives
// all that was said.
func refused(t *testing.T, machine *harness.Machine, words []string, arguments ...string) string {
	t.Helper()
	_, err := machine.PolicyHost(arguments...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Fatalf("%q was not refused: %v", arguments, err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the refusal does not say `%s`: %v", word, err)
		}
	}
	return err.Error()
}

// fixture is the path of a file in testdata.
func fixture(t *testing.T, file string) string {
	t.Helper()
	return must[string](t)(filepath.Abs(filepath.Join("..", "testdata", file)))
}

// decode reads JSON.
func decode[T any](t *testing.T, text string) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}

// write writes a file in the home of a machine.
func write(t *testing.T, machine *harness.Machine, file, text string) string {
	t.Helper()
	path := machine.Path(file)
	check(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// Two versions of a bundle.
const (
	version1 = `name: versions
version: 1.0.0
description: The first version
enforcement: deny
rules: [pss-privileged]
`
	version2 = `name: versions
version: 2.0.0
description: The second version
enforcement: deny
rules: [pss-privileged, pss-run-as-non-root]
`
)

// repository is one of the test's own, in the form that policy-host takes.
func repository(t *testing.T, host string) string {
	return "oci://" + host + "/e2e/" + name(t)
}

// bare is a reference as everybody else takes it.
func bare(reference string) string { return strings.TrimPrefix(reference, "oci://") }

var digestPattern = regexp.MustCompile("sha256:[0-9a-f]{64}")

// push pushes a bundle, and gives the digest of its index.
func push(t *testing.T, machine *harness.Machine, bundle, reference string, arguments ...string) string {
	t.Helper()
	arguments = append([]string{"bundle", "push", bundle, reference, "--insecure"}, arguments...)
	out := run(t, machine.PolicyHost, arguments...)
	digest := digestPattern.FindString(out)
	if digest == "" {
		t.Fatalf("push does not say the digest:\n%s", out)
	}
	return digest
}

// judges has a machine judge by a bundle: what is bad is refused by a rule of it, and what is good is not.
func judges(t *testing.T, machine *harness.Machine, reference string, arguments ...string) {
	t.Helper()
	eval := func(file string) ([]byte, error) {
		return machine.PolicyHost(append([]string{"eval", fixture(t, file), "--bundle", reference}, arguments...)...)
	}
	out, err := eval("bad.yaml")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "pss-privileged") {
		t.Errorf("what is bad: %v\n%s", err, out)
	}
}
