package e2e

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"policy-host/tests/e2e/harness"
)

// The kustomization with which policy-host is deployed is one that the API server takes to the letter, and
// good enough for the bundle that it serves.
func TestDeployment(t *testing.T) {
	host := policyHost(t)
	must[[]byte](t)(dirs.Kubectl(cluster, "apply", "--validate=strict", "-k", "../../bundles/deploy"))
	deployment := &harness.Object{}
	deployment.SetAPIVersion("apps/v1")
	deployment.SetKind("Deployment")
	check(t, cluster.Get(t.Context(), client.ObjectKey{Namespace: "policy-host", Name: "policy-host"}, deployment))
	verdict := must[harness.Verdict](t)(host.Evaluate(t.Context(), bundle, deployment))
	if !verdict.Allowed || len(verdict.NotEvaluated) > 0 {
		t.Errorf("%s\nnot evaluated: %v", verdict.Message, verdict.NotEvaluated)
	}
}
