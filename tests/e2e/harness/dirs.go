// Package harness starts the real engines on loopback, without containers, and stops them again.
package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Dirs says where everything is.
type Dirs struct {
	// Binaries of the engines.
	Binaries string
	// Python is for packages from PyPI, whose programs are used here.
	Python string
	// State is for data, certificates and configurations; empty at every start.
	State string
	// Logs, one for each program; empty at every start, kept after the end.
	Logs string
	// PolicyHost is the program that is proven here.
	PolicyHost string
}

// NewDirs empties and makes the directories of one package of tests, under target/e2e of the repository.
func NewDirs(repository, tests string) (Dirs, error) {
	repository, err := filepath.Abs(repository)
	if err != nil {
		return Dirs{}, err
	}
	root := filepath.Join(repository, "target", "e2e")
	d := Dirs{
		Binaries:   filepath.Join(root, "bin"),
		Python:     filepath.Join(root, "python"),
		State:      filepath.Join(root, tests, "state"),
		Logs:       filepath.Join(root, tests, "logs"),
		PolicyHost: filepath.Join(repository, "target", "release", "policy-host"),
	}
	if binary := os.Getenv("E2E_POLICY_HOST"); binary != "" {
		d.PolicyHost = binary
	}
	for _, directory := range []string{d.State, d.Logs} {
		if err := os.RemoveAll(directory); err != nil {
			return Dirs{}, err
		}
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return Dirs{}, err
		}
	}
	return d, nil
}

func (d Dirs) binary(name string) string { return filepath.Join(d.Binaries, name) }

// moduleDir is where the sources of a module are, of the very version that was built; the go.mod that
// requires it is in a directory here.
func moduleDir(directory, module string) (string, error) {
	command := exec.Command("go", "list", "-C", directory, "-m", "-f", "{{.Dir}}", module)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", command, err)
	}
	return strings.TrimSpace(string(output)), nil
}

// Progress tells whoever waits what is happening.
func Progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "e2e: "+format+"\n", args...)
}
