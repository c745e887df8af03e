package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"policy-host/tests/e2e/harness"
)

// A policy-host whose service account may read nothing judges with the rules that need nothing, and says
// of the others that they were not evaluated.
func TestNoRights(t *testing.T) {
	account := newNamespace(t, "no-rights-system")
	kubeconfig := must[string](t)(cluster.ServiceAccount(t.Context(), account, "policy-host"))
	host := must[*harness.PolicyHost](t)(harness.StartPolicyHost(t.Context(), dirs, harness.PolicyHostOptions{
		Name: "policy-host-no-rights", Bundle: bundle, Kubeconfig: kubeconfig, ClientAuthority: gatekeeperAuthority,
	}))
	t.Cleanup(host.Kill)
	showLogOnFailure(t, host.Process)
	installWebhooks(t, host, "no-rights")
	namespace := withSurroundings(t, "no-rights", "no-rights")
	bad, good := fixture(t, namespace, "bad.yaml"), fixture(t, namespace, "good.yaml")

	eventuallyRefused(t, bad, "pss-privileged")
	ctx, warnings := harness.CollectWarnings(t.Context())
	check(t, cluster.Create(ctx, good))
	verdict := must[harness.Verdict](t)(host.Evaluate(t.Context(), bundle, good))
	readiness := must[string](t)(host.Readiness(t.Context()))
	// Only so many warnings are shown; the verdict names all rules.
	if !slices.ContainsFunc(warnings.Texts(), func(text string) bool {
		return slices.ContainsFunc(brokenInventoryRules, func(rule string) bool { return strings.Contains(text, rule) })
	}) {
		t.Errorf("no warning names a rule that was not evaluated: %q", warnings.Texts())
	}
	for _, rule := range brokenInventoryRules {
		if !slices.ContainsFunc(verdict.NotEvaluated, func(finding harness.Finding) bool { return finding.Rule == rule }) {
			t.Errorf("%s is not among what was not evaluated: %v", rule, verdict.NotEvaluated)
		}
	}
	if !strings.Contains(readiness, "poddisruptionbudgets") {
		t.Errorf("readiness does not say what it may not read:\n%s", readiness)
	}

	grant(t, account, "policy-host")
	check(t, harness.Eventually(t.Context(), "policy-host to use its new rights", func(ctx context.Context) error {
		verdict, err := host.Evaluate(ctx, bundle, good)
		if err == nil && len(verdict.NotEvaluated) > 0 {
			err = fmt.Errorf("not evaluated: %v", verdict.NotEvaluated)
		}
		return err
	}))
}

// grant gives a service account the generated rights.
func grant(t *testing.T, namespace, name string) {
	t.Helper()
	manifests := must[[]*harness.Object](t)(harness.Parse(must[[]byte](t)(dirs.Bundle("rbac", bundle))))
	for _, manifest := range manifests {
		if manifest.GetKind() != "ClusterRole" {
			continue
		}
		// The shared instance may have this one as well, so it stays.
		check(t, cluster.Apply(t.Context(), manifest))
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: namespace},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: manifest.GetName()},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}},
		}
		check(t, cluster.Create(t.Context(), binding))
	}
}

// grantGeneratedRights applies what `policy-host bundle rbac` writes, and gives a kubeconfig of the
// service account that is in it.
func grantGeneratedRights(ctx context.Context) (kubeconfig string, err error) {
	text, err := dirs.Bundle("rbac", bundle)
	if err != nil {
		return "", err
	}
	manifests, err := harness.Parse(text)
	if err != nil {
		return "", err
	}
	var account *harness.Object
	for _, manifest := range manifests {
		if manifest.GetKind() == "ServiceAccount" {
			account = manifest
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: account.GetNamespace()}}
			if err := client.IgnoreAlreadyExists(cluster.Create(ctx, namespace)); err != nil {
				return "", err
			}
		}
	}
	if account == nil {
		return "", errors.New("no ServiceAccount was generated")
	}
	if err := cluster.Apply(ctx, manifests...); err != nil {
		return "", err
	}
	return cluster.ServiceAccount(ctx, account.GetNamespace(), account.GetName())
}
