package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"policy-host/tests/e2e/harness"
)

// What `policy-host bundle` writes is what the engines' own tools take.
func TestTools(t *testing.T) {
	gatekeeperFiles, kyvernoFiles := written(t, "gatekeeper"), written(t, "kyverno")

	t.Run("gator verify", func(t *testing.T) {
		out := must[[]byte](t)(dirs.Gator(nil, "verify", "--verbose", gatekeeperFiles+"/..."))
		if !strings.Contains(string(out), "--- PASS: denied") {
			t.Errorf("no test of a denial passed:\n%s", out)
		}
	})
	t.Run("gator test", func(t *testing.T) {
		variant := filepath.Join(gatekeeperFiles, "gator")
		arguments := func(object string) []string {
			return []string{
				"test", "-f", filepath.Join(variant, "template.yaml"), "-f", filepath.Join(variant, "constraint.yaml"),
				"-f", filepath.Join(variant, object),
			}
		}
		if out, err := dirs.Gator(nil, arguments("allowed.yaml")...); err != nil {
			t.Errorf("the good object: %s", err)
		} else if strings.Contains(string(out), "policy-host") {
			t.Errorf("the good object: %s", out)
		}
		for object, said := range map[string]string{"denied.yaml": "what to do", "unanswered.yaml": "no route to host"} {
			out, err := dirs.Gator(nil, arguments(object)...)
			if err == nil || !strings.Contains(string(out), said) {
				t.Errorf("%s: %v\n%s", object, err, out)
			}
		}
	})
	t.Run("gator policy", func(t *testing.T) { installsFromCatalog(t, gatekeeperFiles) })
	t.Run("kyverno test", func(t *testing.T) {
		out := must[[]byte](t)(dirs.KyvernoCLI(nil, "test", kyvernoFiles))
		if !strings.Contains(string(out), "7 tests passed and 0 tests failed") {
			t.Errorf("%s", out)
		}
	})
	t.Run("kyverno apply", func(t *testing.T) { appliesLive(t) })
}

// written is a directory with all files for an engine.
func written(t *testing.T, engine string) string {
	t.Helper()
	directory := filepath.Join(dirs.State, "written-"+engine)
	must[[]byte](t)(dirs.Bundle(engine, bundle, "--out", directory))
	return directory
}

// installsFromCatalog has gator install the generated template and constraint into the cluster, where
// Gatekeeper accepts them, and remove them again.
func installsFromCatalog(t *testing.T, files string) {
	gatekeeper(t)
	environment := []string{
		"GATOR_CATALOG_URL=file://" + filepath.Join(files, "catalog.yaml"),
		"GATOR_HOME=" + filepath.Join(dirs.State, "gator"),
		"KUBECONFIG=" + cluster.Kubeconfig,
	}
	template := must[[]*harness.Object](t)(harness.ParseFiles(filepath.Join(files, "template.yaml")))[0]
	constraint := must[[]*harness.Object](t)(harness.ParseFiles(filepath.Join(files, "constraint.yaml")))[0]
	must[[]byte](t)(dirs.Gator(environment, "policy", "update"))
	must[[]byte](t)(dirs.Gator(environment, "policy", "install", "--bundle", bundle))
	check(t, harness.Eventually(t.Context(), "Gatekeeper to enforce the constraint", func(ctx context.Context) error {
		return enforced(ctx, constraint)
	}))
	// With the template its kind goes, and with that the constraint, once someone collects garbage.
	check(t, cluster.Delete(t.Context(), constraint))
	must[[]byte](t)(dirs.Gator(environment, "policy", "uninstall", template.GetName()))
	check(t, harness.Eventually(t.Context(), "the template to be gone", func(ctx context.Context) error {
		if _, err := cluster.Fetch(ctx, template); !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is still there: %w", err)
		}
		return nil
	}))
}

// appliesLive has the kyverno command ask a running policy-host about files.
func appliesLive(t *testing.T) {
	host := policyHost(t)
	// There is no flag for it: by default loopback is blocked.
	environment := []string{"FLAG_HTTP_BLOCKLIST=169.254.169.254"}
	for _, policy := range generated(t, host, "kyverno") {
		if policy.GetKind() == "MutatingPolicy" {
			continue
		}
		t.Run(policy.GetKind(), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "policy.yaml")
			check(t, os.WriteFile(file, must[[]byte](t)(policy.MarshalJSON()), 0o600))
			out, err := dirs.KyvernoCLI(environment, "apply", file, "--resource", "testdata/bad.yaml")
			if err == nil || !strings.Contains(string(out), "pss-privileged") || !strings.Contains(string(out), "fail: 1") {
				t.Errorf("the bad Deployment: %v\n%s", err, out)
			}
		})
	}
}
