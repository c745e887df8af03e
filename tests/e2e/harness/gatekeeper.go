package harness

import (
	"context"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	gatekeeperModule    = "github.com/open-policy-agent/gatekeeper/v3"
	gatekeeperNamespace = "gatekeeper-system"
)

// EngineLabel on a namespace says who judges what is in it: all three would intercept everything.
const EngineLabel = "e2e/engine"

// Gatekeeper is its manager, with all operations in one process.
type Gatekeeper struct {
	*Process
}

// StartGatekeeper installs Gatekeeper's definitions from the module that was built, starts the manager,
// and has the API server call it for namespaces with the label e2e/engine=gatekeeper. The authority is that of
// the certificate that it serves with and presents to providers.
func StartGatekeeper(
	ctx context.Context, dirs Dirs, cluster *ControlPlane, authority *Authority,
) (*Gatekeeper, error) {
	Progress("start Gatekeeper")
	module, err := moduleDir(".", gatekeeperModule)
	if err != nil {
		return nil, err
	}
	definitions, err := ParseFiles(filepath.Join(module, "charts", "gatekeeper", "crds"))
	if err != nil {
		return nil, err
	}
	if err := cluster.Apply(ctx, definitions...); err != nil {
		return nil, err
	}
	if err := cluster.CreateNamespace(ctx, gatekeeperNamespace, nil); err != nil {
		return nil, err
	}
	certificate, err := authority.Issue(pkix.Name{CommonName: "gatekeeper"})
	if err != nil {
		return nil, err
	}
	certificates := filepath.Join(dirs.State, "gatekeeper")
	if _, _, err := certificate.Write(certificates); err != nil {
		return nil, err
	}
	// Gatekeeper does not make it.
	auditCache := filepath.Join(dirs.State, "gatekeeper-audit")
	if err := os.Mkdir(auditCache, 0o755); err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	process, err := dirs.Start("gatekeeper", []string{"POD_NAMESPACE=" + gatekeeperNamespace}, dirs.binary("gatekeeper"),
		"--kubeconfig="+cluster.Kubeconfig, "--debug-use-fake-pod",
		"--disable-cert-rotation", "--cert-dir="+certificates,
		"--host=127.0.0.1", fmt.Sprintf("--port=%d", ports[0]),
		fmt.Sprintf("--health-addr=127.0.0.1:%d", ports[1]), fmt.Sprintf("--prometheus-port=%d", ports[2]),
		"--api-cache-dir="+auditCache,
		"--audit-interval=3", "--exempt-namespace="+gatekeeperNamespace, "--log-denies",
		// More than the two cores that a small machine has: each waits for policy-host.
		"--max-serving-threads=16", "--shutdown-delay=0")
	if err != nil {
		return nil, err
	}
	gatekeeper := &Gatekeeper{process}
	if err := process.ready(ctx, http.DefaultClient, fmt.Sprintf("http://127.0.0.1:%d/readyz", ports[1])); err != nil {
		process.Kill()
		return nil, err
	}
	return gatekeeper, intercept(ctx, module, cluster.Client, authority, ports[0])
}

// intercept registers the webhooks that Gatekeeper ships, by URL, since the API server is in no
// cluster network and resolves no Service. What they do on failure stays as shipped: where the
// provider fails it is the template that must refuse.
func intercept(ctx context.Context, module string, client *Client, authority *Authority, port int) error {
	manifests, err := ParseFiles(filepath.Join(module, "deploy", "gatekeeper.yaml"))
	if err != nil {
		return err
	}
	for _, manifest := range manifests {
		if manifest.GroupVersionKind().Group != "admissionregistration.k8s.io" {
			continue
		}
		err := EditWebhooks(manifest, func(webhook map[string]any) error {
			path, _, err := unstructured.NestedString(webhook, "clientConfig", "service", "path")
			if err != nil {
				return err
			}
			webhook["clientConfig"] = map[string]any{
				"url":      fmt.Sprintf("https://127.0.0.1:%d%s", port, path),
				"caBundle": base64.StdEncoding.EncodeToString(authority.PEM()),
			}
			// As shipped one second, after which a request would go through unmutated: too short
			// for a machine that runs everything at once.
			webhook["timeoutSeconds"] = int64(10)
			return unstructured.SetNestedStringMap(webhook, map[string]string{EngineLabel: "gatekeeper"},
				"namespaceSelector", "matchLabels")
		})
		if err != nil {
			return fmt.Errorf("%s: %w", Describe(manifest), err)
		}
		if err := client.Apply(ctx, manifest); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends it.
func (g *Gatekeeper) Stop() { g.Terminate(10 * time.Second) }

// EditWebhooks edits each webhook of a webhook configuration.
func EditWebhooks(configuration *Object, edit func(webhook map[string]any) error) error {
	webhooks, found, err := unstructured.NestedSlice(configuration.Object, "webhooks")
	if err != nil || !found {
		return fmt.Errorf("it has no webhooks: %w", err)
	}
	for _, webhook := range webhooks {
		if err := edit(webhook.(map[string]any)); err != nil {
			return err
		}
	}
	return unstructured.SetNestedSlice(configuration.Object, webhooks, "webhooks")
}
