package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"policy-host/tests/e2e/harness"
)

// Where cosign signs, nothing of sigstore's public services is reached.
var cosignOffline = []string{"--use-signing-config=false", "--tlog-upload=false", "--yes"}

// The API server admits only images that cosign signed by who may sign them, pinned to the digest that was signed; a
// pipeline is told the same before that.
func TestImages(t *testing.T) {
	bundle := must[string](t)(filepath.Abs("testdata/images.yaml"))
	for _, kind := range []harness.RegistryKind{harness.DockerRegistry, harness.Olareg} {
		t.Run(string(kind), func(t *testing.T) { verifiesImages(t, kind, bundle) })
	}
}

func verifiesImages(t *testing.T, kind harness.RegistryKind, bundle string) {
	registry := must[*harness.Registry](t)(harness.StartRegistry(t.Context(), dirs, harness.RegistryOptions{
		Kind: kind, Name: "images-" + string(kind),
	}))
	t.Cleanup(func() { registry.Kill() })
	showLogOnFailure(t, registry.Process)
	publisher := must[*harness.Machine](t)(harness.NewMachine(dirs, "images-publisher-"+string(kind)))
	for _, key := range []string{"release", "qa", "stranger"} {
		must[[]byte](t)(publisher.Cosign("generate-key-pair", "--output-key-prefix", key))
	}
	publish := func(name, content string, keys ...string) (reference, digest string) {
		reference = registry.Host + "/shop/" + name + ":1.0"
		digest = must[string](t)(registry.PushImage(t.Context(), "shop/"+name, "1.0", content))
		for _, key := range keys {
			sign := append([]string{"sign", "--key", key + ".key", reference}, cosignOffline...)
			must[[]byte](t)(publisher.Cosign(sign...))
		}
		return reference, digest
	}
	trust := filepath.Join(publisher.Home, "trust.yaml")
	check(t, os.WriteFile(trust, fmt.Appendf(nil, `keys:
  release: release.pub
  qa: qa.pub
repositories:
- match: %s/shop/*
  signedBy: [release, qa]
`, registry.Host), 0o600))
	settings := map[string]any{
		"registries": map[string]any{"plainHttp": []string{registry.Host}, "store": publisher.Path("store")},
		"images":     map[string]any{"repositories": []string{registry.Host}, "deadline": "4s"},
		"limits":     map[string]any{"deadline": "5s"},
		"trust":      trust,
	}
	start := func(mode string) (namespace string) {
		engine := "images-" + mode + "-" + string(kind)
		host := must[*harness.PolicyHost](t)(harness.StartPolicyHost(t.Context(), dirs, harness.PolicyHostOptions{
			Name: "policy-host-" + engine, Bundle: bundle, Kubeconfig: cluster.Kubeconfig,
			ClientAuthority: gatekeeperAuthority, FailureMode: mode, Settings: settings,
		}))
		t.Cleanup(host.Kill)
		showLogOnFailure(t, host.Process)
		installManifests(t, must[[]*harness.Object](t)(host.Manifests("webhook", bundle)), engine)
		namespace = newNamespace(t, engine)
		judgedBy(t, namespace, engine)
		return namespace
	}
	closed, open := start("closed"), start("open")
	deployment := func(namespace, name, image string) *harness.Object {
		object := renamed(fixture(t, namespace, "good.yaml"), name)
		firstContainer(t, object)["image"] = image
		return object
	}
	const rule = "image-verified-in-context"
	signed, digest := publish("cart", "first", "release")
	unsigned, _ := publish("unsigned", "unsigned")
	byStranger, _ := publish("stranger", "stranger", "stranger")
	byOther, _ := publish("qa", "qa", "qa")

	// Webhooks take a moment until the API server knows them.
	for _, namespace := range []string{closed, open} {
		eventuallyRefused(t, deployment(namespace, "unsigned", unsigned), rule, "it has 0 of 1 signatures that count")
	}
	t.Run("signed is admitted and pinned", func(t *testing.T) {
		stored := expectAdmitted(t, deployment(closed, "signed", signed))
		if image := firstContainer(t, stored)["image"]; image != signed+"@"+digest {
			t.Errorf("the image is %v", image)
		}
	})
	t.Run("what a stranger signed is refused", func(t *testing.T) {
		expectRefused(t, deployment(closed, "stranger", byStranger), rule, "no key that may sign made it")
	})
	t.Run("what another identity signed is refused", func(t *testing.T) {
		expectRefused(t, deployment(closed, "qa", byOther), rule, "signed by `qa` and by none of `release`")
	})
	t.Run("what is not there is refused", func(t *testing.T) {
		expectRefused(t, deployment(closed, "gone", registry.Host+"/shop/cart:2.0"), rule, "which the registry does not have")
	})
	t.Run("what nobody may sign is refused and not asked about", func(t *testing.T) {
		expectRefused(t, deployment(closed, "elsewhere", "quay.example/tool:1"), rule, "no entry of the trust policy")
	})
	t.Run("a pipeline is told the same", func(t *testing.T) {
		tells := func(code int, image string, words ...string) {
			t.Helper()
			file := must[string](t)(writeObject(publisher, deployment(closed, "pipeline", image)))
			_, err := publisher.PolicyHost("eval", "--no-config", "--bundle", bundle, "--images", registry.Host, "--trust", trust,
				"--insecure="+registry.Host, file)
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() != code || (err == nil) != (code == 0) {
				t.Fatalf("%s: %v", image, err)
			}
			for _, word := range words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("`%s` is not told: %v", word, err)
				}
			}
		}
		tells(0, signed+"@"+digest)
		tells(1, signed)
		tells(1, unsigned)
		tells(1, byOther)
	})

	moved, other := publish("cart", "second")
	if moved != signed || other == digest {
		t.Fatalf("the tag has not moved: %s %s", moved, other)
	}
	t.Run("a tag that moved to what nobody signed is refused", func(t *testing.T) {
		expectRefused(t, deployment(closed, "moved", signed), rule, "it has 0 of 1 signatures that count")
	})
	t.Run("the digest that was signed is admitted all the same", func(t *testing.T) {
		expectAdmitted(t, deployment(closed, "digest", signed+"@"+digest))
	})
	t.Run("what is signed later is admitted then", func(t *testing.T) {
		sign := append([]string{"sign", "--key", "release.key", unsigned}, cosignOffline...)
		must[[]byte](t)(publisher.Cosign(sign...))
		expectAdmitted(t, deployment(closed, "later", unsigned))
	})

	expectAdmitted(t, deployment(open, "known", signed+"@"+digest))
	registry.Kill()
	t.Run("while the registry is away the failure mode decides", func(t *testing.T) {
		expectRefused(t, deployment(closed, "away", byOther), rule, "could not run")
		ctx, warnings := harness.CollectWarnings(t.Context())
		check(t, cluster.Create(ctx, deployment(open, "away", byOther)))
		told := func(text string) bool { return strings.Contains(text, rule) && strings.Contains(text, "could not run") }
		if !slices.ContainsFunc(warnings.Texts(), told) {
			t.Errorf("the warnings are %q", warnings.Texts())
		}
	})
	t.Run("what was verified is known by its digest", func(t *testing.T) {
		expectAdmitted(t, deployment(closed, "remembered", signed+"@"+digest))
	})
}

// writeObject writes an object as somebody would who keeps manifests in files.
func writeObject(machine *harness.Machine, object *harness.Object) (string, error) {
	object = object.DeepCopy()
	unstructured.RemoveNestedField(object.Object, "metadata", "namespace")
	text, err := object.MarshalJSON()
	if err != nil {
		return "", err
	}
	file := machine.Path("deployment.json")
	return file, os.WriteFile(file, text, 0o600)
}
