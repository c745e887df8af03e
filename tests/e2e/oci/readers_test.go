package oci

import (
	"encoding/json"
	"strings"
	"testing"

	"policy-host/tests/e2e/harness"
)

// descriptor is as much of an OCI descriptor as the tests look at.
type descriptor struct {
	MediaType    string
	Digest       string
	ArtifactType string
	Annotations  map[string]string
}

// manifest is a manifest or an index.
type manifest struct {
	MediaType string
	Manifests []descriptor
	Config    descriptor
	Layers    []descriptor
}

// fetch reads a manifest as oras fetches it.
func fetch(t *testing.T, machine *harness.Machine, reference string) (found manifest) {
	t.Helper()
	text := run(t, machine.Oras, "manifest", "fetch", bare(reference), "--plain-http")
	check(t, json.Unmarshal([]byte(text), &found))
	return found
}

// What is in a bundle is what other programs read: components, and policies for Gatekeeper and Kyverno.
func TestOtherReaders(t *testing.T) {
	onEach(t, func(t *testing.T, registry *harness.Registry) {
		machine, repository := newMachine(t, "machine"), repository(t, registry.Host)
		push(t, machine, bundle, repository+":1.0")
		index := fetch(t, machine, repository+":1.0")

		t.Run("wasm-tools reads a component that oras fetched", func(t *testing.T) {
			for _, entry := range index.Manifests {
				component := fetch(t, machine, repository+"@"+entry.Digest)
				if component.Config.MediaType != "application/vnd.wasm.config.v0+json" {
					continue
				}
				if len(component.Layers) != 1 || component.Layers[0].MediaType != "application/wasm" {
					t.Fatalf("the layers are %v", component.Layers)
				}
				blob := bare(repository) + "@" + component.Layers[0].Digest
				run(t, machine.Oras, "blob", "fetch", blob, "--output", machine.Path("rule.wasm"), "--plain-http")
				run(t, machine.WasmTools, "validate", "--features=component-model", "rule.wasm")
				if wit := run(t, machine.WasmTools, "component", "wit", "rule.wasm"); !strings.Contains(wit, "policy:rule/") {
					t.Errorf("its world is\n%s", wit)
				}
				return
			}
			t.Fatalf("there is no component among %v", index.Manifests)
		})
		t.Run("gator judges by the template that it pulled", func(t *testing.T) {
			out, err := machine.Gator("test", "--image", bare(repository)+":1.0-gatekeeper", "--filename", fixture(t, "bad.yaml"))
			// The template has a stand-in for the provider: there is none to ask, and that refuses.
			if err == nil || !strings.Contains(string(out), "policy-host-"+bundle) || !strings.Contains(string(out), "no verdict") {
				t.Errorf("what is bad: %v\n%s", err, out)
			}
		})
		t.Run("kyverno pulls its policies", func(t *testing.T) {
			run(t, machine.KyvernoOCI, "pull", "policies", "-i", bare(repository)+":1.0-kyverno")
			policies := must[[]*harness.Object](t)(harness.ParseFiles(machine.Path("policies")))
			if len(policies) != 1 || policies[0].GetKind() != "ClusterPolicy" {
				t.Errorf("it pulled %v", policies)
			}
		})
	})
}
