package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"policy-host/tests/e2e/harness"
)

// What tests/fixtures/admission-matrix/matrix.yaml holds; tests/server/matrix.rs reads it too.
type matrix struct {
	Callers map[string]string
	Objects map[string]map[string]any
	Rows    []matrixRow
}

type matrixRow struct {
	Object, Operation, Subresource, Caller, Why string
	Leaving                                     bool
	Change                                      map[string]any
	Denied                                      []string
	Mutated                                     int
}

// Every row of the matrix, on the real API server, with the generated webhooks.
func TestAdmissionMatrix(t *testing.T) {
	directory := must[string](t)(filepath.Abs("../fixtures/admission-matrix"))
	bundle := filepath.Join(directory, "bundle.yaml")
	var matrix matrix
	check(t, yaml.UnmarshalStrict(must[[]byte](t)(os.ReadFile(filepath.Join(directory, "matrix.yaml"))), &matrix))

	host := must[*harness.PolicyHost](t)(harness.StartPolicyHost(t.Context(), dirs, harness.PolicyHostOptions{
		Name: "policy-host-matrix", Bundle: bundle, Kubeconfig: cluster.Kubeconfig, ClientAuthority: gatekeeperAuthority,
	}))
	t.Cleanup(host.Kill)
	showLogOnFailure(t, host.Process)

	// What was there before anybody judged. Webhooks of other tests have gone with them.
	namespace := newNamespace(t, "matrix")
	objects := make([]*harness.Object, len(matrix.Rows))
	for index, row := range matrix.Rows {
		objects[index] = matrix.object(t, row, namespace, index)
		if row.Operation != "CREATE" {
			objects[index] = expectAdmitted(t, objects[index])
			removeForTest(t, objects[index])
		}
		if row.Leaving {
			check(t, cluster.Delete(t.Context(), objects[index]))
		}
	}
	installManifests(t, must[[]*harness.Object](t)(host.Manifests("webhook", bundle)), "matrix")
	judgedBy(t, namespace, "matrix")
	for _, object := range []string{"bad deployment", "bad pod template"} {
		row := matrixRow{Object: object}
		eventuallyRefused(t, matrix.object(t, row, namespace, len(matrix.Rows)), "pss-privileged")
	}

	for index, row := range matrix.Rows {
		t.Run(row.title(), func(t *testing.T) {
			caller := must[*harness.Client](t)(cluster.Impersonate(matrix.Callers[row.Caller], "system:masters"))
			sent := matrix.sent(t, row, objects[index])
			stored, err := row.act(t.Context(), caller, objects[index])
			if denied := deniedBy(err); !slices.Equal(denied, row.Denied) || (err != nil && denied == nil) {
				t.Fatalf("denied by %q, not %q, since %s: %v", denied, row.Denied, row.Why, err)
			}
			if err == nil && row.Operation != "DELETE" && row.Subresource == "" {
				if mutated := forbidding(stored.Object) - forbidding(sent); mutated != row.Mutated {
					t.Errorf("%d containers mutated, not %d, since %s", mutated, row.Mutated, row.Why)
				}
			}
		})
	}
}

func (r matrixRow) title() string {
	words := []string{r.Operation, r.Object, r.Subresource, "by", r.Caller, r.Why}
	if r.Leaving {
		words = slices.Insert(words, 2, "that is leaving")
	}
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), " ")
}

// object is the object of a row, under a name of its own.
func (m matrix) object(t *testing.T, row matrixRow, namespace string, index int) *harness.Object {
	t.Helper()
	content, found := m.Objects[row.Object]
	if !found {
		t.Fatalf("there is no object `%s`", row.Object)
	}
	object := (&harness.Object{Object: content}).DeepCopy()
	object.SetName(fmt.Sprintf("%s-%d", object.GetName(), index))
	if object.GetKind() != "ClusterRole" {
		object.SetNamespace(namespace)
	}
	return object
}

// sent is what an object would become if nobody mutated it, as far as lists and texts go.
func (m matrix) sent(t *testing.T, row matrixRow, object *harness.Object) map[string]any {
	t.Helper()
	if row.Operation == "CREATE" {
		return object.Object
	}
	merged := object.DeepCopy().Object
	merge(merged, row.Change)
	return merged
}

// act does what a row says, and gives the object that is stored then.
func (r matrixRow) act(ctx context.Context, caller *harness.Client, object *harness.Object) (*harness.Object, error) {
	object = object.DeepCopy()
	switch r.Operation {
	case "CREATE":
		return object, caller.Create(ctx, object, client.DryRunAll)
	case "DELETE":
		return object, caller.Delete(ctx, object)
	}
	change, err := json.Marshal(r.Change)
	if err != nil {
		return nil, err
	}
	patch := client.RawPatch(types.MergePatchType, change)
	if r.Subresource == "scale" {
		scale := &harness.Object{}
		scale.SetAPIVersion("autoscaling/v1")
		scale.SetKind("Scale")
		return object, caller.SubResource("scale").Patch(ctx, object, patch, client.WithSubResourceBody(scale))
	}
	if r.Subresource != "" {
		return object, caller.SubResource(r.Subresource).Patch(ctx, object, patch)
	}
	return object, caller.Patch(ctx, object, patch)
}

// deniedBy is the rules that a refusal names, in order; none where it is no refusal of policy-host's.
func deniedBy(err error) (rules []string) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !strings.Contains(err.Error(), "denied the request") {
		return nil
	}
	for line := range strings.Lines(status.Status().Message) {
		if rule, _, found := strings.Cut(strings.TrimPrefix(line, "- "), ": "); found && strings.HasPrefix(line, "- ") {
			rules = append(rules, rule)
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// forbidding counts where something forbids to gain privileges.
func forbidding(value any) (count int) {
	switch value := value.(type) {
	case map[string]any:
		if value["allowPrivilegeEscalation"] == false {
			count++
		}
		for inner := range maps.Values(value) {
			count += forbidding(inner)
		}
	case []any:
		for _, inner := range value {
			count += forbidding(inner)
		}
	}
	return count
}

// merge is RFC 7386.
func merge(into, change map[string]any) {
	for key, value := range change {
		inner, isMap := value.(map[string]any)
		old, wasMap := into[key].(map[string]any)
		switch {
		case value == nil:
			delete(into, key)
		case isMap && wasMap:
			merge(old, inner)
		default:
			into[key] = value
		}
	}
}

// removeForTest removes an object at the end of the test, with its finalizers.
func removeForTest(t *testing.T, object *harness.Object) {
	t.Cleanup(func() {
		// The context of the test has ended; the webhooks may be there still, which is none of this.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		object = object.DeepCopy()
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
		if err := client.IgnoreNotFound(cluster.Patch(ctx, object, patch)); err != nil {
			t.Error(err)
		}
		if err := client.IgnoreNotFound(cluster.Delete(ctx, object)); err != nil {
			t.Error(err)
		}
	})
}
