package main

import (
	"log"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// The checks of a level and version that forbid a pod.
func (l library) forbidden(level api.Level, minor int, meta *metav1.ObjectMeta, spec *corev1.PodSpec) []string {
	version := api.MajorMinorVersion(1, minor)
	ids := []string{}
	overridden := map[policy.CheckID]bool{}
	applied := map[policy.CheckID]policy.CheckPodFn{}
	for _, one := range l.checks {
		if one.Level == api.LevelRestricted && level != api.LevelRestricted {
			continue
		}
		for _, versioned := range slices.Backward(one.Versions) {
			if version.Older(versioned.MinimumVersion) {
				continue
			}
			applied[one.ID] = versioned.CheckPod
			for _, id := range versioned.OverrideCheckIDs {
				overridden[id] = true
			}
			break
		}
	}
	for id, checkPod := range applied {
		if !overridden[id] && !checkPod(meta, spec).Allowed {
			ids = append(ids, string(id))
		}
	}
	slices.Sort(ids)
	// The evaluator is what Kubernetes asks; the list above only names what it says.
	results := l.evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: version}, meta, spec)
	if policy.AggregateCheckResults(results).Allowed != (len(ids) == 0) {
		log.Fatalf("the library's evaluator and its checks disagree about %s", meta.Name)
	}
	return ids
}
