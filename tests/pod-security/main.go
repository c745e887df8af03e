// Holds the Pod Security bundles beside Kubernetes' own library.
//
//	pod-security generate DIR [-seed N] [-count N]    writes generated pods and what the library says of them
//	pod-security fixtures DIR                         writes what the library says of its own fixtures
//	pod-security compare DIR                          compares both with the results of `policy-host eval`
//	pod-security checks FILE                          writes the ids of the library's checks, a line each
//
// run.sh calls it. Pods follow from the seed alone, so a difference can be looked at again.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// The newest version of the standards that the library has.
const newest = 37

// The levels that forbid anything; the bundle of each is pod-security-LEVEL.
var levels = []api.Level{api.LevelBaseline, api.LevelRestricted}

// A case is a folder of documents that one run of the host judges, and what the library says of each document.
type testCase struct {
	// The folder, below that of all cases.
	Folder string `json:"folder"`
	// The bundle, and the rule of it that is asked; empty for all.
	Bundle string `json:"bundle"`
	Rule   string `json:"rule,omitempty"`
	// The configuration of the host.
	Settings map[string]any `json:"settings"`
	// By document: the checks that forbid it, none where it is allowed.
	Forbidden map[string][]string `json:"forbidden"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: pod-security generate|fixtures|compare|checks DIR")
	}
	command, directory := os.Args[1], os.Args[2]
	flags := flag.NewFlagSet(command, flag.ExitOnError)
	seed := flags.Uint64("seed", 1, "what pods follow from")
	count := flags.Int("count", 20000, "how many pods")
	if err := flags.Parse(os.Args[3:]); err != nil {
		log.Fatal(err)
	}
	switch command {
	case "generate":
		generate(directory, *seed, *count)
	case "fixtures":
		fixtures(directory)
	case "compare":
		compare(directory)
	case "checks":
		ids := ""
		for _, check := range policy.DefaultChecks() {
			ids += string(check.ID) + "\n"
		}
		check(os.WriteFile(directory, []byte(ids), 0o644))
	default:
		log.Fatalf("there is no command %s", command)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Writes a case: its documents are there already.
func (c testCase) write(directory string) {
	config := map[string]any{"settings": c.Settings}
	name := filepath.Join(directory, c.Folder)
	check(os.WriteFile(name+".config.json", must(json.Marshal(config)), 0o644))
	check(os.WriteFile(name+"--"+c.Bundle+"--"+c.Rule+".case.json", must(json.MarshalIndent(c, "", " ")), 0o644))
}

func version(minor int) string {
	return fmt.Sprintf("1.%d", minor)
}

// The library's evaluator, which decides; and its checks, which say by which of them a pod is forbidden.
type library struct {
	evaluator policy.Evaluator
	checks    []policy.Check
}

func newLibrary() library {
	checks := policy.DefaultChecks()
	return library{must(policy.NewEvaluator(checks, nil)), checks}
}
