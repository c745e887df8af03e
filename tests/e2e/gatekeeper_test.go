package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"policy-host/tests/e2e/harness"
)

// Gatekeeper asks policy-host as its external data provider, over mutual TLS, for admission, audit and
// mutation.
func TestGatekeeper(t *testing.T) {
	gatekeeper(t)
	host := policyHost(t)
	const old, fresh, later = "gatekeeper-old", "gatekeeper-new", "gatekeeper-later"
	// It was there before anyone judged.
	expectAdmitted(t, fixture(t, newNamespace(t, old), "bad.yaml"))
	withSurroundings(t, fresh, "gatekeeper")
	bad, good := fixture(t, fresh, "bad.yaml"), fixture(t, fresh, "good.yaml")
	constraint := installInGatekeeper(t, host, old, fresh, later)

	t.Run("refuses with every violation", func(t *testing.T) {
		words := append([]string{"validation.gatekeeper.sh", constraint.GetName()}, brokenRules...)
		eventuallyRefused(t, bad, append(words, brokenInventoryRules...)...)
	})
	t.Run("admits what is good", func(t *testing.T) {
		eventuallyAdmitted(t, good)
		expectAdmitted(t, good)
	})
	t.Run("warns of what it does not refuse", func(t *testing.T) {
		// Nothing would mend another here.
		expectWarning(t, renamed(good, "warned"))
	})
	t.Run("judges what is as large as it may be", func(t *testing.T) {
		eventuallyAdmitted(t, large(fresh))
	})
	// Gatekeeper keeps a provider's answers for three minutes; a verdict must not be among them.
	t.Run("sees what is created later", func(t *testing.T) { seesLater(t, later, "gatekeeper") })
	t.Run("audits what was there before", func(t *testing.T) {
		check(t, harness.Eventually(t.Context(), "an audit", func(ctx context.Context) error {
			return auditFound(ctx, constraint, old, "legacy", "pss-privileged")
		}))
	})
	t.Run("refuses while policy-host is down", func(t *testing.T) {
		host.Kill()
		// By the template, in its words: a failing webhook would be ignored as Gatekeeper ships it.
		expectRefused(t, renamed(good, "another"), "validation.gatekeeper.sh", constraint.GetName(),
			"policy-host: no verdict")
		check(t, host.Restart(t.Context()))
		eventuallyAdmitted(t, renamed(good, "another"))
		expectRefused(t, bad, "pss-privileged")
	})
	t.Run("pins images to digests", func(t *testing.T) { pinsImages(t, host) })
	t.Run("refuses a provider whose certificate has expired", func(t *testing.T) {
		expired := otherProvider(t, harness.PolicyHostOptions{
			Name: "policy-host-expired", Expired: true, ClientAuthority: gatekeeperAuthority,
		})
		useProvider(t, expired)
		eventuallyRefused(t, renamed(good, "another"), constraint.GetName(), "certificate has expired")
		useProvider(t, host)
		eventuallyAdmitted(t, renamed(good, "another"))
	})
	t.Run("is refused by a provider that does not know its authority", func(t *testing.T) {
		stranger := must[*harness.Authority](t)(harness.NewAuthority("e2e stranger"))
		strict := otherProvider(t, harness.PolicyHostOptions{Name: "policy-host-strict", ClientAuthority: stranger})
		useProvider(t, strict)
		eventuallyRefused(t, renamed(good, "another"), constraint.GetName(), "remote error: tls")
		useProvider(t, host)
		eventuallyAdmitted(t, renamed(good, "another"))
	})
}

// installInGatekeeper applies the generated manifests, without mutation, for as long as the test runs, and
// waits until Gatekeeper enforces the constraints. It gives the one that denies.
func installInGatekeeper(t *testing.T, host *harness.PolicyHost, namespaces ...string) *harness.Object {
	t.Helper()
	var denying *harness.Object
	for _, manifest := range generated(t, host, "gatekeeper") {
		isConstraint := manifest.GroupVersionKind().Group == "constraints.gatekeeper.sh"
		switch {
		case manifest.GetKind() == "Assign":
			continue
		case isConstraint:
			// The cluster has more in it than this test, and the audit would find it all.
			check(t, unstructured.SetNestedStringSlice(manifest.Object, namespaces, "spec", "match", "namespaces"))
		}
		applyForTest(t, manifest)
		if !isConstraint {
			continue
		}
		check(t, harness.Eventually(t.Context(), "Gatekeeper to enforce a constraint", func(ctx context.Context) error {
			return enforced(ctx, manifest)
		}))
		if action, _, _ := unstructured.NestedString(manifest.Object, "spec", "enforcementAction"); action == "deny" {
			denying = manifest
		}
	}
	if denying == nil {
		t.Fatal("no constraint that denies was generated")
	}
	return denying
}

// enforced is an error until every process of Gatekeeper enforces a constraint.
func enforced(ctx context.Context, constraint *harness.Object) error {
	found, err := cluster.Fetch(ctx, constraint)
	if err != nil {
		return err
	}
	pods, _, err := unstructured.NestedSlice(found.Object, "status", "byPod")
	if err != nil {
		return err
	}
	if len(pods) == 0 {
		return errors.New("it has no status yet")
	}
	for _, pod := range pods {
		if pod.(map[string]any)["enforced"] != true {
			return fmt.Errorf("not enforced: %v", pod)
		}
	}
	return nil
}

// auditFound looks into the constraint's status for a violation by an object that names a rule.
func auditFound(ctx context.Context, constraint *harness.Object, namespace, name, rule string) error {
	found, err := cluster.Fetch(ctx, constraint)
	if err != nil {
		return err
	}
	violations, _, err := unstructured.NestedSlice(found.Object, "status", "violations")
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(violations, func(violation any) bool {
		fields := violation.(map[string]any)
		message, _ := fields["message"].(string)
		return fields["namespace"] == namespace && fields["name"] == name && strings.Contains(message, rule)
	}) {
		return fmt.Errorf("none of the violations is of %s/%s by %s: %v", namespace, name, rule, violations)
	}
	return nil
}

// pinsImages has Gatekeeper replace an image by what policy-host's configuration pins it to.
func pinsImages(t *testing.T, host *harness.PolicyHost) {
	// No constraint looks at this namespace, so what is seen here is the mutation alone.
	namespace := newNamespace(t, "gatekeeper-images")
	judgedBy(t, namespace, "gatekeeper")
	good := fixture(t, namespace, "good.yaml")
	found := false
	for _, manifest := range generated(t, host, "gatekeeper") {
		if manifest.GetKind() != "Assign" {
			continue
		}
		found = true
		check(t, unstructured.SetNestedStringSlice(manifest.Object, []string{namespace}, "spec", "match", "namespaces"))
		applyForTest(t, manifest)
	}
	if !found {
		t.Fatal("no Assign was generated")
	}
	check(t, harness.Eventually(t.Context(), "a pinned image", func(ctx context.Context) error {
		object := good.DeepCopy()
		if err := cluster.Create(ctx, object, client.DryRunAll); err != nil {
			return err
		}
		if got := firstContainer(t, object)["image"]; got != image+"@"+imageDigest {
			return fmt.Errorf("the image is %s", got)
		}
		return nil
	}))
	unknown := renamed(good, "unknown")
	firstContainer(t, unknown)["image"] = "registry.example.com/shop/unknown:1.0.0"
	expectRefused(t, unknown, "mutation.gatekeeper.sh", "no digest is known for the image")
}

// otherProvider starts an instance beside the shared one, for as long as the test runs.
func otherProvider(t *testing.T, options harness.PolicyHostOptions) *harness.PolicyHost {
	t.Helper()
	options.Bundle, options.Kubeconfig = bundle, cluster.Kubeconfig
	host := must[*harness.PolicyHost](t)(harness.StartPolicyHost(t.Context(), dirs, options))
	t.Cleanup(host.Kill)
	showLogOnFailure(t, host.Process)
	return host
}

// useProvider has Gatekeeper ask another instance.
func useProvider(t *testing.T, host *harness.PolicyHost) {
	t.Helper()
	for _, manifest := range generated(t, host, "gatekeeper") {
		if manifest.GetKind() == "Provider" {
			check(t, cluster.Apply(t.Context(), manifest))
		}
	}
}
