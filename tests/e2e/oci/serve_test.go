package oci

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"policy-host/tests/e2e/harness"
)

// A server follows a tag: what is pushed there is served soon after, and what nobody signed, or is no bundle,
// never is.
func TestServeFollowsTag(t *testing.T) {
	onEach(t, func(t *testing.T, registry *harness.Registry) {
		publisher, machine := newMachine(t, "publisher"), newMachine(t, "server")
		reference := repository(t, registry.Host) + ":stable"
		key := newKey(t, publisher)
		pushed := func(version string) string {
			return push(t, publisher, write(t, publisher, "bundle.yaml", version), reference)
		}
		take(t, publisher, machine, key.public)
		trust(t, machine, key.public)
		first := pushed(version1)
		sign(t, publisher, key, reference)
		host := must[*harness.PolicyHost](t)(machine.Serve(t.Context(), map[string]any{
			"bundles":    []any{map[string]any{"bundle": reference, "follow": "1s"}},
			"registries": map[string]any{"plainHttp": []string{registry.Host}},
			"trust":      machine.Path("trust.yaml"),
		}))
		t.Cleanup(func() { host.Kill() })
		showLogOnFailure(t, host.Process)
		serves(t, host, first)

		second := pushed(version2)
		refuses(t, host, second)
		serves(t, host, first)
		sign(t, publisher, key, reference)
		serves(t, host, second)

		write(t, publisher, "note.txt", "no bundle")
		run(t, publisher.Oras, "push", "--plain-http", bare(reference), "note.txt")
		cosignSign(t, publisher, key, reference, cosignOffline)
		refuses(t, host, resolve(t, publisher, reference))
		serves(t, host, second)

		third := pushed(version1)
		if third != first {
			t.Errorf("the same bundle has another digest: %s, and %s before", third, first)
		}
		serves(t, host, first)
	})
}

// resolve is what a tag stands for.
func resolve(t *testing.T, machine *harness.Machine, reference string) string {
	t.Helper()
	return strings.TrimSpace(run(t, machine.Oras, "resolve", "--plain-http", bare(reference)))
}

// serves waits until a server says that what it serves is an artifact, and no other.
func serves(t *testing.T, host *harness.PolicyHost, digest string) {
	t.Helper()
	const metric = "policy_host_bundle_artifact_info{"
	check(t, harness.Eventually(t.Context(), "the server to serve "+digest, func(ctx context.Context) error {
		metrics, err := host.Metrics(ctx)
		if err != nil {
			return err
		}
		var served []string
		for line := range strings.Lines(metrics) {
			if strings.HasPrefix(line, metric) && strings.HasSuffix(line, " 1\n") {
				served = append(served, digestPattern.FindString(line))
			}
		}
		if len(served) != 1 || served[0] != digest {
			return fmt.Errorf("it serves %q", served)
		}
		return nil
	}))
}

// refuses waits until a server's log says that it does not serve an artifact.
func refuses(t *testing.T, host *harness.PolicyHost, digest string) {
	t.Helper()
	check(t, harness.Eventually(t.Context(), "the server to refuse "+digest, func(context.Context) error {
		for line := range strings.Lines(host.Log()) {
			if strings.Contains(line, "could not be reloaded") && strings.Contains(line, digest) {
				return nil
			}
		}
		return fmt.Errorf("it does not say so")
	}))
}
