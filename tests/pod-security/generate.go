package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Writes `count` pods, spread over all versions, with what the library says of each by each level; and a quarter as many
// in namespaces with labels, with what Pod Security Admission says.
func generate(directory string, seed uint64, count int) {
	library := newLibrary()
	check(os.MkdirAll(directory, 0o755))
	// The newest version gets half of them.
	older := count / 2 / newest
	for minor := 0; minor <= newest; minor++ {
		share := older
		if minor == newest {
			share = count - older*newest
		}
		random := rand.New(rand.NewPCG(seed, uint64(minor)))
		folder := "pods-v" + version(minor)
		cases := map[string]map[string][]string{}
		for _, level := range levels {
			cases[string(level)] = map[string][]string{}
		}
		check(os.MkdirAll(filepath.Join(directory, folder), 0o755))
		var documents bytes.Buffer
		for i := range share {
			pod := newPod(random, fmt.Sprintf("p%05d", i), "shop")
			write(&documents, wrapped(random, pod))
			for _, level := range levels {
				cases[string(level)][pod.Name] = library.forbidden(level, minor, &pod.ObjectMeta, &pod.Spec)
			}
			// The host takes so many documents of a file.
			if (i+1)%1000 == 0 || i+1 == share {
				name := fmt.Sprintf("pods-%02d.yaml", i/1000)
				check(os.WriteFile(filepath.Join(directory, folder, name), documents.Bytes(), 0o644))
				documents.Reset()
			}
		}
		for _, level := range levels {
			testCase{
				Folder:    folder,
				Bundle:    "pod-security-" + string(level),
				Settings:  map[string]any{"kubernetesVersion": version(minor)},
				Forbidden: cases[string(level)],
			}.write(directory)
		}
	}
	generateNamespaces(directory, seed, count/4)
}

// Appends a document, JSON being YAML.
func write(documents *bytes.Buffer, object any) {
	documents.WriteString("---\n")
	documents.Write(must(json.Marshal(object)))
	documents.WriteString("\n")
}

// A pod, or what makes such pods. The verdict about the pods is the same.
func wrapped(random *rand.Rand, pod *corev1.Pod) any {
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Annotations: pod.Annotations}, Spec: pod.Spec}
	meta := metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}
	typed := func(group, kind string) metav1.TypeMeta { return metav1.TypeMeta{APIVersion: group, Kind: kind} }
	switch random.IntN(12) {
	case 0:
		return appsv1.Deployment{
			TypeMeta: typed("apps/v1", "Deployment"), ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Template: template},
		}
	case 1:
		return appsv1.DaemonSet{
			TypeMeta: typed("apps/v1", "DaemonSet"), ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Template: template},
		}
	case 2:
		job := batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template}}
		return batchv1.CronJob{
			TypeMeta: typed("batch/v1", "CronJob"), ObjectMeta: meta, Spec: batchv1.CronJobSpec{JobTemplate: job},
		}
	case 3:
		return corev1.PodTemplate{TypeMeta: typed("v1", "PodTemplate"), ObjectMeta: meta, Template: template}
	default:
		return pod
	}
}
