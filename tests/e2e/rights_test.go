package e2e

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"policy-host/tests/e2e/harness"
)

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
