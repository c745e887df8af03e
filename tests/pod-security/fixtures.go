package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// Copies the fixtures of every level and version, each a Pod that gets the name of its file, and writes whether they
// pass or fail: as the folder says that they are in, and the library itself.
func fixtures(directory string) {
	module := must(exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission").Output())
	library := newLibrary()
	for _, level := range levels {
		for minor := 0; minor <= newest; minor++ {
			source := filepath.Join(strings.TrimSpace(string(module)), "test", "testdata", string(level), "v"+version(minor))
			folder := fmt.Sprintf("fixtures-%s-v%s", level, version(minor))
			check(os.MkdirAll(filepath.Join(directory, folder), 0o755))
			forbidden := map[string][]string{}
			for _, verdict := range []string{"pass", "fail"} {
				for _, entry := range must(os.ReadDir(filepath.Join(source, verdict))) {
					var pod corev1.Pod
					check(yaml.UnmarshalStrict(must(os.ReadFile(filepath.Join(source, verdict, entry.Name()))), &pod))
					pod.Name = verdict + "-" + strings.TrimSuffix(entry.Name(), ".yaml")
					written := must(yaml.Marshal(pod))
					setDefaults(&pod)
					ids := library.forbidden(level, minor, &pod.ObjectMeta, &pod.Spec)
					if (len(ids) == 0) != (verdict == "pass") {
						log.Fatalf("%s: the library does not say what the fixture's folder says", pod.Name)
					}
					forbidden[pod.Name] = ids
					name := filepath.Join(directory, folder, pod.Name+".yaml")
					check(os.WriteFile(name, written, 0o644))
				}
			}
			testCase{
				Folder: folder, Bundle: "pod-security-" + string(level), Forbidden: forbidden,
				Settings: map[string]any{"kubernetesVersion": version(minor)},
			}.write(directory)
		}
	}
}

// What the API server fills in before the library is asked: a volume without a source is an emptyDir.
func setDefaults(pod *corev1.Pod) {
	for i := range pod.Spec.Volumes {
		if pod.Spec.Volumes[i].VolumeSource == (corev1.VolumeSource{}) {
			pod.Spec.Volumes[i].EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
	}
}
