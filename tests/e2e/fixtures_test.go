package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"policy-host/tests/e2e/harness"
)

// Rules that testdata/bad.yaml breaks, whatever stands beside it.
var brokenRules = []string{
	"resource-requests-required", "memory-limit-required", "image-tag-not-mutable", "pss-privileged", "pss-run-as-non-root",
}

// Rules that testdata/bad.yaml breaks because of what does not stand beside it.
var brokenInventoryRules = []string{"pdb-required", "netpol-covers-workload"}

func must[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// gatekeeper is Gatekeeper, running; its log is shown when the test fails.
func gatekeeper(t *testing.T) *harness.Gatekeeper {
	t.Helper()
	gatekeeper := must[*harness.Gatekeeper](t)(startGatekeeper())
	showLogOnFailure(t, gatekeeper.Process)
	return gatekeeper
}

// kyverno is Kyverno, running.
func kyverno(t *testing.T) *harness.Kyverno {
	t.Helper()
	kyverno := must[*harness.Kyverno](t)(startKyverno())
	showLogOnFailure(t, kyverno.Process)
	return kyverno
}

// policyHost is the instance that tests share. A test that stops it starts it again, unless it fails before.
func policyHost(t *testing.T) *harness.PolicyHost {
	t.Helper()
	host := must[*harness.PolicyHost](t)(startPolicyHost())
	if host.Ended() {
		check(t, host.Restart(t.Context()))
	}
	showLogOnFailure(t, host.Process)
	return host
}

func showLogOnFailure(t *testing.T, process *harness.Process) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(process.Tail())
		}
	})
}

// newNamespace makes a namespace that no engine looks at yet.
func newNamespace(t *testing.T, name string) string {
	t.Helper()
	check(t, cluster.CreateNamespace(t.Context(), name, nil))
	return name
}

// judgedBy has an engine judge what comes into a namespace from now on.
func judgedBy(t *testing.T, namespace, engine string) {
	t.Helper()
	object := &corev1.Namespace{}
	check(t, cluster.Get(t.Context(), client.ObjectKey{Name: namespace}, object))
	object.Labels[harness.EngineLabel] = engine
	check(t, cluster.Update(t.Context(), object))
}

// fixture reads the one object of a file in testdata, for a namespace.
func fixture(t *testing.T, namespace, file string) *harness.Object {
	t.Helper()
	objects := fixtures(t, namespace, file)
	if len(objects) != 1 {
		t.Fatalf("%s has %d objects", file, len(objects))
	}
	return objects[0]
}

func fixtures(t *testing.T, namespace string, files ...string) []*harness.Object {
	t.Helper()
	var objects []*harness.Object
	for _, file := range files {
		found := must[[]*harness.Object](t)(harness.ParseFiles("testdata/" + file))
		for _, object := range found {
			object.SetNamespace(namespace)
		}
		objects = append(objects, found...)
	}
	return objects
}

// withSurroundings makes a namespace in which testdata/good.yaml has all that it needs, and has an
// engine judge it from then on.
func withSurroundings(t *testing.T, name, engine string) string {
	t.Helper()
	namespace := newNamespace(t, name)
	check(t, cluster.Apply(t.Context(), fixtures(t, namespace, "surroundings.yaml", "budget.yaml")...))
	judgedBy(t, namespace, engine)
	return namespace
}

// renamed is a copy of an object under another name.
func renamed(object *harness.Object, name string) *harness.Object {
	object = object.DeepCopy()
	object.SetName(name)
	return object
}

// firstContainer is the first container of a workload, to be edited.
func firstContainer(t *testing.T, workload *harness.Object) map[string]any {
	t.Helper()
	containers, found, err := unstructured.NestedFieldNoCopy(workload.Object, "spec", "template", "spec", "containers")
	if err != nil || !found {
		t.Fatalf("%s has no containers: %v", harness.Describe(workload), err)
	}
	return containers.([]any)[0].(map[string]any)
}

// expectRefused creates an object and expects that it is refused by someone, with all these words.
func expectRefused(t *testing.T, object *harness.Object, words ...string) {
	t.Helper()
	check(t, refusal(t.Context(), object, words...))
}

// eventuallyRefused waits until an object is refused with all these words: webhooks, policies and
// caches take a moment to know what was just written.
func eventuallyRefused(t *testing.T, object *harness.Object, words ...string) {
	t.Helper()
	check(t, harness.Eventually(t.Context(), "a refusal", func(ctx context.Context) error {
		return refusal(ctx, object, words...)
	}))
}

func refusal(ctx context.Context, object *harness.Object, words ...string) error {
	err := cluster.Create(ctx, object.DeepCopy(), client.DryRunAll)
	if err == nil {
		return fmt.Errorf("%s was admitted", harness.Describe(object))
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			return fmt.Errorf("the refusal of %s does not say `%s`: %w", harness.Describe(object), word, err)
		}
	}
	return nil
}

// expectAdmitted creates an object, and expects that it is stored.
func expectAdmitted(t *testing.T, object *harness.Object) *harness.Object {
	t.Helper()
	object = object.DeepCopy()
	if err := cluster.Create(t.Context(), object); err != nil {
		t.Fatalf("%s was refused: %v", harness.Describe(object), err)
	}
	return object
}

// eventuallyAdmitted waits until an object would be admitted.
func eventuallyAdmitted(t *testing.T, object *harness.Object) {
	t.Helper()
	check(t, harness.Eventually(t.Context(), "an admission", func(ctx context.Context) error {
		return cluster.Create(ctx, object.DeepCopy(), client.DryRunAll)
	}))
}

// large is about the largest ConfigMap that the API server takes, of characters that grow when they are
// escaped.
func large(namespace string) *harness.Object {
	object := &harness.Object{Object: map[string]any{
		"apiVersion": "v1",
		"kind":       "ConfigMap",
		"data":       map[string]any{"text": strings.Repeat("\"<\n>\" ", 1<<20/7)},
	}}
	object.SetNamespace(namespace)
	object.SetName("large")
	return object
}

// seesLater has a Deployment refused for want of a PodDisruptionBudget, and admitted once there is one,
// which policy-host learns from its watch.
func seesLater(t *testing.T, name, engine string) {
	t.Helper()
	namespace := newNamespace(t, name)
	check(t, cluster.Apply(t.Context(), fixtures(t, namespace, "surroundings.yaml")...))
	judgedBy(t, namespace, engine)
	good := fixture(t, namespace, "good.yaml")
	eventuallyRefused(t, good, "pdb-required")
	expectAdmitted(t, fixture(t, namespace, "budget.yaml"))
	eventuallyAdmitted(t, good)
	expectAdmitted(t, good)
}

// generated is what `policy-host bundle` writes, and what it writes only where it is asked to.
func generated(t *testing.T, host *harness.PolicyHost, engine string) []*harness.Object {
	t.Helper()
	manifests := must[[]*harness.Object](t)
	switch engine {
	case "gatekeeper":
		return manifests(host.Manifests(engine, bundle, "--image-digests"))
	case "kyverno":
		return append(manifests(host.Manifests(engine, bundle)),
			manifests(host.Manifests(engine, bundle, "--cluster-policy"))...)
	}
	return manifests(host.Manifests(engine, bundle))
}

// applyForTest applies an object for as long as the test runs.
func applyForTest(t *testing.T, object *harness.Object) {
	t.Helper()
	check(t, cluster.Apply(t.Context(), object))
	t.Cleanup(func() {
		// The context of the test has ended.
		if err := client.IgnoreNotFound(cluster.Delete(context.Background(), object)); err != nil {
			t.Error(err)
		}
	})
}
