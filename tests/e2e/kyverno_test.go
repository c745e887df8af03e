package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"policy-host/tests/e2e/harness"
)

// Kyverno asks policy-host from its CEL policies by `http`, and from the older ones by `apiCall`.
func TestKyverno(t *testing.T) {
	kyverno(t)
	host := policyHost(t)
	for _, kind := range []string{"ValidatingPolicy", "ClusterPolicy"} {
		t.Run(kind, func(t *testing.T) {
			policy := installInKyverno(t, host, kind)
			name := strings.ToLower(kind)
			namespace := withSurroundings(t, name, "kyverno")
			bad, good := fixture(t, namespace, "bad.yaml"), fixture(t, namespace, "good.yaml")

			words := append([]string{"kyverno.svc", policy.GetName()}, brokenRules...)
			eventuallyRefused(t, bad, append(words, brokenInventoryRules...)...)
			eventuallyAdmitted(t, good)
			expectAdmitted(t, good)
			seesLater(t, name+"-later", "kyverno")

			host.Kill()
			expectRefused(t, renamed(good, "another"), policy.GetName())
			check(t, host.Restart(t.Context()))
			eventuallyAdmitted(t, renamed(good, "another"))
			expectRefused(t, bad, "pss-privileged")
		})
	}
	t.Run("MutatingPolicy", func(t *testing.T) {
		installInKyverno(t, host, "MutatingPolicy")
		namespace := withSurroundings(t, "mutatingpolicy", "kyverno")
		object := mendable(t, fixture(t, namespace, "good.yaml"), "mended")
		check(t, harness.Eventually(t.Context(), "a mended Deployment", func(ctx context.Context) error {
			object := object.DeepCopy()
			if err := cluster.Create(ctx, object, client.DryRunAll); err != nil {
				return err
			}
			return mended(object)
		}))
	})
}

// installInKyverno applies the generated policy of one kind, for as long as the test runs, and waits
// until Kyverno says that it is ready.
func installInKyverno(t *testing.T, host *harness.PolicyHost, kind string) *harness.Object {
	t.Helper()
	for _, policy := range generated(t, host, "kyverno") {
		if policy.GetKind() != kind {
			continue
		}
		applyForTest(t, policy)
		check(t, harness.Eventually(t.Context(), "Kyverno to be ready for the policy", func(ctx context.Context) error {
			found, err := cluster.Fetch(ctx, policy)
			if err != nil {
				return err
			}
			return policyReady(found)
		}))
		return policy
	}
	t.Fatalf("no %s was generated", kind)
	return nil
}

// policyReady reads the condition `Ready` (ClusterPolicy), or `status.conditionStatus.ready`.
func policyReady(policy *harness.Object) error {
	if ready, _, _ := unstructured.NestedBool(policy.Object, "status", "conditionStatus", "ready"); ready {
		return nil
	}
	conditions, _, err := unstructured.NestedSlice(policy.Object, "status", "conditions")
	if err != nil {
		return err
	}
	for _, condition := range conditions {
		if condition := condition.(map[string]any); condition["type"] == "Ready" && condition["status"] == "True" {
			return nil
		}
	}
	status, found := policy.Object["status"]
	if !found {
		return errors.New("it has no status yet")
	}
	return fmt.Errorf("not ready: %v", status)
}
