package oci

import (
	"os"
	"testing"

	"sigs.k8s.io/yaml"

	"policy-host/tests/e2e/harness"
)

// trust has a machine believe what a key signed, in whichever repository, if it has all these attestations, too.
func trust(t *testing.T, machine *harness.Machine, key string, attestations ...string) {
	t.Helper()
	trustIn(t, machine, key, map[string]any{"match": "**", "attestations": append([]string{}, attestations...)})
}

// trustMirror has a machine believe what a key signed in one repository, where another has a copy of it.
func trustMirror(t *testing.T, machine *harness.Machine, key, mirror, origin string) {
	t.Helper()
	trustIn(t, machine, key, map[string]any{"match": mirror, "mirrorOf": origin})
}

func trustIn(t *testing.T, machine *harness.Machine, key string, entry map[string]any) {
	t.Helper()
	entry["signedBy"] = []string{"publisher"}
	policy := must[[]byte](t)(yaml.Marshal(map[string]any{
		"keys": map[string]any{"publisher": key}, "repositories": []any{entry},
	}))
	machine.Set("POLICY_HOST_TRUST", write(t, machine, "trust.yaml", string(policy)))
}

// take has one machine have a file of another.
func take(t *testing.T, from, to *harness.Machine, file string) {
	t.Helper()
	text := must[[]byte](t)(os.ReadFile(from.Path(file)))
	write(t, to, file, string(text))
}
