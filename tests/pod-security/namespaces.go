package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/pod-security-admission/admission"
	admissionapi "k8s.io/pod-security-admission/admission/api"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/metrics"
)

// A cluster: what its API server is configured to, and what stands in its namespaces.
type cluster struct {
	name       string
	defaults   admissionapi.PodSecurityDefaults
	exemptions admissionapi.PodSecurityExemptions
	// The setting that says the same to the host.
	setting map[string]any
}

var clusters = []cluster{
	{name: "unconfigured"},
	{
		name:     "baseline-by-default",
		defaults: admissionapi.PodSecurityDefaults{Enforce: "baseline", EnforceVersion: "v1.30"},
		setting:  map[string]any{"enforce": "baseline", "enforceVersion": "v1.30"},
	},
	{
		name:     "restricted-with-exemptions",
		defaults: admissionapi.PodSecurityDefaults{Enforce: "restricted"},
		exemptions: admissionapi.PodSecurityExemptions{
			Namespaces: []string{"n03", "n11"}, RuntimeClasses: []string{"gvisor"}, Usernames: []string{"system:admin"},
		},
		setting: map[string]any{
			"enforce": "restricted", "namespaces": []string{"n03", "n11"}, "runtimeClasses": []string{"gvisor"},
			"usernames": []string{"system:admin"},
		},
	},
}

// Writes namespaces with labels and pods in them, with what the admission plugin of each cluster says of the pods.
func generateNamespaces(directory string, seed uint64, count int) {
	library := newLibrary()
	for index, cluster := range clusters {
		random := rand.New(rand.NewPCG(seed, uint64(1000+index)))
		plugin := cluster.plugin(library)
		folder := "namespaces-" + cluster.name
		var documents bytes.Buffer
		forbidden := map[string][]string{}
		namespaces := newNamespaces(random)
		plugin.NamespaceGetter = namespaces
		for _, name := range namespaces.names {
			write(&documents, namespaces.byName[name])
		}
		for i := range count / len(clusters) {
			namespace := namespaces.names[random.IntN(len(namespaces.names))]
			pod := newPod(random, fmt.Sprintf("p%05d", i), namespace)
			write(&documents, wrapped(random, pod))
			forbidden[pod.Name] = []string{}
			if response := plugin.ValidatePod(context.Background(), request(pod)); !response.Allowed {
				forbidden[pod.Name] = []string{response.Result.Message}
			}
		}
		settings := map[string]any{"kubernetesVersion": version(newest)}
		if cluster.setting != nil {
			settings["podSecurityAdmission"] = cluster.setting
		}
		check(os.MkdirAll(filepath.Join(directory, folder), 0o755))
		check(os.WriteFile(filepath.Join(directory, folder, "all.yaml"), documents.Bytes(), 0o644))
		testCase{
			Folder: folder, Bundle: "strict", Rule: "workload-fits-namespace-psa", Settings: settings, Forbidden: forbidden,
		}.write(directory)
	}
}

func request(pod *corev1.Pod) *api.AttributesRecord {
	return &api.AttributesRecord{
		Name: pod.Name, Namespace: pod.Namespace, Object: pod, Operation: admissionv1.Create,
		Kind:     schema.GroupVersionKind{Version: "v1", Kind: "Pod"},
		Resource: schema.GroupVersionResource{Version: "v1", Resource: "pods"},
	}
}

func (c cluster) plugin(library library) *admission.Admission {
	defaults := c.defaults
	for _, level := range []*string{&defaults.Enforce, &defaults.Audit, &defaults.Warn} {
		if *level == "" {
			*level = "privileged"
		}
	}
	for _, version := range []*string{&defaults.EnforceVersion, &defaults.AuditVersion, &defaults.WarnVersion} {
		if *version == "" {
			*version = "latest"
		}
	}
	plugin := &admission.Admission{
		Configuration: &admissionapi.PodSecurityConfiguration{Defaults: defaults, Exemptions: c.exemptions},
		Evaluator:     library.evaluator,
		Metrics:       unrecorded{},
	}
	check(plugin.CompleteConfiguration())
	return plugin
}

// Namespaces with every label of Pod Security, spelt rightly and not.
type namespaces struct {
	names  []string
	byName map[string]*corev1.Namespace
}

func newNamespaces(random *rand.Rand) namespaces {
	all := namespaces{byName: map[string]*corev1.Namespace{}}
	p := &picker{random, nil}
	for i := range 60 {
		labels := map[string]string{}
		for _, mode := range []string{"enforce", "audit", "warn"} {
			if level := one(p, "", "privileged", "baseline", "restricted", "restricted", "Baseline"); level != "" {
				labels["pod-security.kubernetes.io/"+mode] = level
			}
			version := one(p, "", "", "latest", "v1.0", "v1.7", "v1.18", "v1.21", "v1.22", "v1.24", "v1.30", "v1.33", "v1.35", "v1.37",
				"v1.99", "1.30", "v1.030", "v2.0", "v1.30.1")
			if version != "" {
				labels["pod-security.kubernetes.io/"+mode+"-version"] = version
			}
		}
		name := fmt.Sprintf("n%02d", i)
		all.names = append(all.names, name)
		all.byName[name] = &corev1.Namespace{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		}
	}
	return all
}

func (n namespaces) GetNamespace(_ context.Context, name string) (*corev1.Namespace, error) {
	if namespace, ok := n.byName[name]; ok {
		return namespace, nil
	}
	return nil, apierrors.NewNotFound(corev1.Resource("namespaces"), name)
}

// Metrics that nobody reads.
type unrecorded struct{}

func (unrecorded) RecordEvaluation(metrics.Decision, api.LevelVersion, metrics.Mode, api.Attributes) {
}
func (unrecorded) RecordExemption(api.Attributes)   {}
func (unrecorded) RecordError(bool, api.Attributes) {}
