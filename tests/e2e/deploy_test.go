package e2e

import (
	"context"
	"fmt"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"policy-host/tests/e2e/harness"
)

// The kustomization with which policy-host is deployed is one that the API server takes to the letter, and
// good enough for the bundle that it serves.
func TestDeployment(t *testing.T) {
	host := policyHost(t)
	must[[]byte](t)(dirs.Kubectl(cluster, "apply", "--validate=strict", "-k", "../../bundles/deploy"))
	// Whoever issues certificates writes this Secret.
	must[[]byte](t)(dirs.Kubectl(cluster, "-n", "policy-host", "create", "secret", "generic", "policy-host-tls",
		"--from-literal=tls.crt=certificate", "--from-literal=tls.key=key"))
	deployment := &harness.Object{}
	deployment.SetAPIVersion("apps/v1")
	deployment.SetKind("Deployment")
	check(t, cluster.Get(t.Context(), client.ObjectKey{Namespace: "policy-host", Name: "policy-host"}, deployment))
	check(t, harness.Eventually(t.Context(), "the Deployment to pass", func(ctx context.Context) error {
		verdict, err := host.Evaluate(ctx, bundle, deployment)
		if err == nil && (!verdict.Allowed || len(verdict.NotEvaluated) > 0) {
			err = fmt.Errorf("%s\nnot evaluated: %v", verdict.Message, verdict.NotEvaluated)
		}
		return err
	}))
}
