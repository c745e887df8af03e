package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What is needed of the results of `policy-host eval --format json`.
type results struct {
	Errors    []struct{ Message string }
	Documents []struct {
		Subject  struct{ Kind, Name string }
		Outcomes []struct {
			Rule     string
			Outcome  string
			Findings []struct{ Code, Message string }
		}
	}
}

// The rules that stand for each check of the library.
var rulesOf = map[string][]string{
	"allowPrivilegeEscalation":   {"pss-privilege-escalation"},
	"appArmorProfile":            {"pss-apparmor"},
	"capabilities_baseline":      {"pss-capabilities-baseline"},
	"capabilities_restricted":    {"pss-drop-all-capabilities", "pss-capabilities-baseline"},
	"hostNamespaces":             {"pss-host-namespaces"},
	"hostPathVolumes":            {"pss-hostpath-volumes"},
	"hostPorts":                  {"pss-host-ports"},
	"hostProbesAndHostLifecycle": {"pss-host-probes-lifecycle"},
	"privileged":                 {"pss-privileged"},
	"procMount":                  {"pss-procmount"},
	"procMount_restricted":       {"pss-procmount"},
	"restrictedVolumes":          {"pss-restricted-volumes", "pss-hostpath-volumes"},
	"runAsNonRoot":               {"pss-run-as-non-root"},
	"runAsUser":                  {"pss-run-as-user"},
	"seLinuxOptions":             {"pss-selinux"},
	"seccompProfile_baseline":    {"pss-seccomp-baseline"},
	"seccompProfile_restricted":  {"pss-seccomp-restricted", "pss-seccomp-baseline"},
	"sysctls":                    {"pss-sysctls"},
	"windowsHostProcess":         {"pss-windows-hostprocess"},
}

// Where a rule leaves a check to another, which then has to speak: one cure heals both.
var leftTo = map[string][]string{
	"allowPrivilegeEscalation":  {"pss-privileged", "pss-drop-all-capabilities", "pss-capabilities-baseline"},
	"capabilities_baseline":     {"pss-privileged"},
	"capabilities_restricted":   {"pss-privileged"},
	"hostNamespaces":            {"pss-windows-hostprocess"},
	"hostPorts":                 {"pss-host-namespaces", "pss-windows-hostprocess"},
	"procMount":                 {"pss-privileged"},
	"procMount_restricted":      {"pss-privileged"},
	"runAsNonRoot":              {"pss-run-as-user"},
	"seccompProfile_baseline":   {"pss-privileged"},
	"seccompProfile_restricted": {"pss-privileged"},
}

// Compares every case with the results beside it, and fails on any difference.
func compare(directory string) {
	var differences []string
	var documents, forbidden, left int
	files := must(filepath.Glob(filepath.Join(directory, "*.case.json")))
	slices.Sort(files)
	for _, file := range files {
		var one testCase
		check(json.Unmarshal(must(os.ReadFile(file)), &one))
		var got results
		check(json.Unmarshal(must(os.ReadFile(strings.TrimSuffix(file, ".case.json")+".results.json")), &got))
		complain := func(format string, values ...any) {
			text := fmt.Sprintf("%s, %s: ", one.Folder, one.Bundle) + fmt.Sprintf(format, values...)
			differences = append(differences, text)
		}
		for _, problem := range got.Errors {
			complain("%s", problem.Message)
		}
		seen := map[string]bool{}
		for _, document := range got.Documents {
			name := document.Subject.Name
			checks, ok := one.Forbidden[name]
			if !ok || document.Subject.Kind == "Namespace" {
				continue
			}
			seen[name] = true
			documents++
			rules := map[string]bool{}
			for _, outcome := range document.Outcomes {
				if outcome.Outcome == "error" {
					complain("%s: %s could not run", name, outcome.Rule)
				}
				if len(outcome.Findings) > 0 {
					rules[outcome.Rule] = true
				}
			}
			if len(checks) > 0 {
				forbidden++
			}
			if (len(rules) > 0) != (len(checks) > 0) {
				complain("%s: the library forbids %v, findings are of %v", name, checks, keys(rules))
			} else if one.Rule == "" {
				left += compareChecks(checks, rules, func(format string, values ...any) {
					complain(name+": "+format, values...)
				})
			}
		}
		for name := range one.Forbidden {
			if !seen[name] {
				complain("%s was not judged", name)
			}
		}
	}
	for _, difference := range differences {
		fmt.Println(difference)
	}
	fmt.Printf("%d cases, %d documents, of which %d are forbidden; %d checks are reported by another rule that has the same cure; %d differences\n",
		len(files), documents, forbidden, left, len(differences))
	if len(differences) > 0 || documents == 0 {
		os.Exit(1)
	}
}

// Whether each check that forbids is reported by its rule, or by one that it is left to, and no rule reports more. Counts
// what another reports.
func compareChecks(checks []string, rules map[string]bool, complain func(string, ...any)) int {
	left := 0
	is := func(rule string) bool { return rules[rule] }
	expected := map[string]bool{}
	for _, id := range checks {
		if !slices.ContainsFunc(rulesOf[id], is) {
			left++
			if !slices.ContainsFunc(leftTo[id], is) {
				complain("no rule reports %s, findings are of %v", id, keys(rules))
			}
		}
		for _, rule := range rulesOf[id] {
			expected[rule] = true
		}
	}
	for rule := range rules {
		if !expected[rule] {
			complain("%s finds something, the library forbids %v", rule, checks)
		}
	}
	return left
}

func keys(set map[string]bool) []string {
	all := []string{}
	for key := range set {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}
