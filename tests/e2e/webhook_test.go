package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"policy-host/tests/e2e/harness"
)

// The API server asks policy-host itself, by its own webhooks.
func TestWebhook(t *testing.T) {
	host := policyHost(t)
	installWebhooks(t, host, "webhook")
	namespace := withSurroundings(t, "webhook-new", "webhook")
	bad, good := fixture(t, namespace, "bad.yaml"), fixture(t, namespace, "good.yaml")

	t.Run("refuses with every violation in one message", func(t *testing.T) {
		words := slices.Concat(brokenRules, brokenInventoryRules)
		eventuallyRefused(t, bad, append(words, "denied the request")...)
	})
	t.Run("admits what is good", func(t *testing.T) {
		expectAdmitted(t, good)
	})
	t.Run("mends what is safe to mend, and admits it", func(t *testing.T) {
		check(t, mended(expectAdmitted(t, mendable(t, good, "mended"))))
	})
	t.Run("warns of what it does not refuse", func(t *testing.T) {
		expectWarning(t, mendable(t, good, "warned"))
	})
	t.Run("lets what was there before go, and no more than that", func(t *testing.T) {
		earlier := newNamespace(t, "webhook-old")
		bad := fixture(t, earlier, "bad.yaml")
		old := expectAdmitted(t, bad)
		judgedBy(t, earlier, "webhook")
		eventuallyRefused(t, renamed(bad, "another"), "pss-privileged")
		old.SetAnnotations(map[string]string{"e2e": "changed"})
		ctx, warnings := harness.CollectWarnings(t.Context())
		check(t, cluster.Update(ctx, old))
		if !slices.ContainsFunc(warnings.Texts(), func(text string) bool { return strings.Contains(text, "pss-privileged") }) {
			t.Errorf("what was there before is not told: %q", warnings.Texts())
		}
		check(t, unstructured.SetNestedField(old.Object, true, "spec", "template", "spec", "hostPID"))
		if err := cluster.Update(t.Context(), old); err == nil || !strings.Contains(err.Error(), "pss-host-namespaces") {
			t.Errorf("an update that adds something was not refused: %v", err)
		}
		check(t, cluster.Delete(t.Context(), old))
	})
	t.Run("judges what is as large as it may be", func(t *testing.T) {
		eventuallyAdmitted(t, large(namespace))
	})
	t.Run("sees what is created later", func(t *testing.T) {
		seesLater(t, "webhook-later", "webhook")
	})
}

// A watch that the API server has ended goes on where it was.
func TestAPIServerRestarts(t *testing.T) {
	host := policyHost(t)
	installWebhooks(t, host, "restart")
	seesLater(t, "restart-before", "restart")
	check(t, cluster.RestartAPIServer(t.Context()))
	seesLater(t, "restart-after", "restart")
}

// mendable is a good workload that lacks two things which can be added safely.
func mendable(t *testing.T, good *harness.Object, name string) *harness.Object {
	t.Helper()
	object := renamed(good, name)
	container := firstContainer(t, object)
	delete(container, "lifecycle")
	unstructured.RemoveNestedField(container, "securityContext", "allowPrivilegeEscalation")
	return object
}

// expectWarning has a mendable workload admitted with a warning of what somebody wrote, and nothing may
// replace unasked.
func expectWarning(t *testing.T, workload *harness.Object) {
	t.Helper()
	wrong := map[string]any{"resourceFieldRef": map[string]any{"resource": "limits.memory"}}
	firstContainer(t, workload)["env"] = []any{map[string]any{"name": "GOMAXPROCS", "valueFrom": wrong}}
	ctx, warnings := harness.CollectWarnings(t.Context())
	check(t, cluster.Create(ctx, workload, client.DryRunAll))
	if !slices.ContainsFunc(warnings.Texts(), func(text string) bool {
		return strings.Contains(text, "gomaxprocs-follows-cpu-limit")
	}) {
		t.Errorf("the warnings are %q", warnings.Texts())
	}
}

// mended is an error where one of the two is still missing.
func mended(workload *harness.Object) error {
	containers, _, err := unstructured.NestedSlice(workload.Object, "spec", "template", "spec", "containers")
	if err != nil {
		return err
	}
	container := containers[0].(map[string]any)
	if seconds, _, _ := unstructured.NestedInt64(container, "lifecycle", "preStop", "sleep", "seconds"); seconds < 5 {
		return fmt.Errorf("the preStop hook is %v", container["lifecycle"])
	}
	allowed, set, err := unstructured.NestedBool(container, "securityContext", "allowPrivilegeEscalation")
	if err == nil && (!set || allowed) {
		err = fmt.Errorf("the security context is %v", container["securityContext"])
	}
	return err
}

// installWebhooks has the API server call an instance for namespaces of one label, by the generated
// configurations, for as long as the test runs.
func installWebhooks(t *testing.T, host *harness.PolicyHost, engine string) {
	t.Helper()
	installManifests(t, generated(t, host, "webhook"), engine)
}

// installManifests applies webhook configurations for namespaces of one label, for as long as the test runs.
func installManifests(t *testing.T, manifests []*harness.Object, engine string) {
	t.Helper()
	for _, manifest := range manifests {
		// Several instances have configurations of their own.
		manifest.SetName(manifest.GetName() + "-" + engine)
		check(t, harness.EditWebhooks(manifest, func(webhook map[string]any) error {
			return unstructured.SetNestedStringMap(webhook, map[string]string{harness.EngineLabel: engine},
				"namespaceSelector", "matchLabels")
		}))
		applyForTest(t, manifest)
	}
}
