package harness

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	kyvernoModule    = "github.com/kyverno/kyverno"
	kyvernoNamespace = "kyverno"
)

// Kyverno is its admission controller.
type Kyverno struct {
	*Process
}

// StartKyverno installs Kyverno's definitions from the module that was built and starts the admission
// controller, which registers its webhooks itself, for namespaces with the label e2e/engine=kyverno.
func StartKyverno(ctx context.Context, dirs Dirs, cluster *ControlPlane) (*Kyverno, error) {
	Progress("start Kyverno")
	module, err := moduleDir("kyverno", kyvernoModule)
	if err != nil {
		return nil, err
	}
	crds := filepath.Join(module, "config", "crds")
	definitions, err := ParseFiles(filepath.Join(crds, "kyverno"), filepath.Join(crds, "policies.kyverno.io"),
		filepath.Join(crds, "policyreport"), filepath.Join(crds, "reports"))
	if err != nil {
		return nil, err
	}
	if err := cluster.Apply(ctx, definitions...); err != nil {
		return nil, err
	}
	if err := cluster.CreateNamespace(ctx, kyvernoNamespace, nil); err != nil {
		return nil, err
	}
	if err := configureKyverno(ctx, cluster.Client); err != nil {
		return nil, err
	}
	if err := letKyvernoReport(ctx, cluster.Client); err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	process, err := dirs.Start("kyverno",
		[]string{
			"KYVERNO_NAMESPACE=" + kyvernoNamespace,
			"KYVERNO_SERVICEACCOUNT_NAME=kyverno-admission-controller",
			"KYVERNO_DEPLOYMENT=none", "KYVERNO_POD_NAME=none", "KYVERNO_SVC=kyverno-svc",
			"INIT_CONFIG=kyverno", "METRICS_CONFIG=kyverno-metrics",
		},
		dirs.binary("kyverno"),
		"--kubeconfig="+cluster.Kubeconfig,
		// Webhooks are registered with this address instead of a Service.
		"--serverIP="+address,
		"--webhookServerHost=127.0.0.1", fmt.Sprintf("--webhookServerPort=%d", ports[0]),
		"--caSecretName=kyverno-svc.kyverno.svc.kyverno-tls-ca",
		"--tlsSecretName=kyverno-svc.kyverno.svc.kyverno-tls-pair",
		"--backgroundServiceAccountName=system:serviceaccount:kyverno:kyverno-background-controller",
		"--reportsServiceAccountName=system:serviceaccount:kyverno:kyverno-reports-controller",
		"--controllerRuntimeMetricsAddress=0", fmt.Sprintf("--metricsPort=%d", ports[1]),
		"--admissionReports=false",
		// By default loopback is blocked too, and policy-host is nowhere else here.
		"--httpBlocklist=169.254.169.254",
		"-v=2", "--disableLogColor")
	if err != nil {
		return nil, err
	}
	// Nobody but Kyverno knows the authority of its certificate yet.
	anyone := &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	if err := process.ready(ctx, anyone, "https://"+address+"/health/readiness"); err != nil {
		process.Kill()
		return nil, err
	}
	return &Kyverno{process}, nil
}

// configureKyverno writes the two ConfigMaps that Kyverno's chart has.
func configureKyverno(ctx context.Context, client *Client) error {
	webhooks, err := json.Marshal(map[string]any{
		"namespaceSelector": metav1.LabelSelector{MatchLabels: map[string]string{EngineLabel: "kyverno"}},
	})
	if err != nil {
		return err
	}
	for name, data := range map[string]map[string]string{
		"kyverno":         {"webhooks": string(webhooks)},
		"kyverno-metrics": {},
	} {
		configuration := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: kyvernoNamespace, Name: name},
			Data:       data,
		}
		if err := client.Create(ctx, configuration); err != nil {
			return err
		}
	}
	return nil
}

// letKyvernoReport gives Kyverno's reports controller the right to read: a policy is not ready before
// that could read what the policy matches, although no such controller runs here.
func letKyvernoReport(ctx context.Context, client *Client) error {
	return client.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "kyverno-reports-controller"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects: []rbacv1.Subject{
			{Kind: rbacv1.ServiceAccountKind, Namespace: kyvernoNamespace, Name: "kyverno-reports-controller"},
		},
	})
}

// Stop ends it.
func (k *Kyverno) Stop() { k.Terminate(10 * time.Second) }
