package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Gator runs gator, with further variables in its environment.
func (d Dirs) Gator(environment []string, arguments ...string) ([]byte, error) {
	return d.run(environment, d.binary("gator"), arguments...)
}

// KyvernoCLI runs the kyverno command.
func (d Dirs) KyvernoCLI(environment []string, arguments ...string) ([]byte, error) {
	return d.run(environment, d.binary("kubectl-kyverno"), append(arguments, "--remove-color")...)
}

// Kubectl runs kubectl as an administrator of a cluster.
func (d Dirs) Kubectl(cluster *ControlPlane, arguments ...string) ([]byte, error) {
	return d.run(nil, d.binary("kubectl"), append([]string{"--kubeconfig", cluster.Kubeconfig}, arguments...)...)
}

// run runs a program to its end and gives what it wrote to standard output; its error says all that it
// wrote.
func (d Dirs) run(environment []string, binary string, arguments ...string) ([]byte, error) {
	return d.runIn("", environment, binary, arguments...)
}

// runIn is run, in a directory.
func (d Dirs) runIn(directory string, environment []string, binary string, arguments ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, binary, arguments...)
	command.Dir = directory
	// What programs keep for a user is kept with the other state.
	command.Env = append(append(os.Environ(), "HOME="+d.State), environment...)
	command.SysProcAttr = endsWithUs()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("%s: %w\n%s%s", command, err, stdout.String(), stderr.String())
	}
	return stdout.Bytes(), nil
}
