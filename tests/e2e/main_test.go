// Package e2e proves policy-host against the real kube-apiserver, Gatekeeper and Kyverno, through the
// Kubernetes API alone wherever that can show it.
package e2e

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"policy-host/tests/e2e/harness"
)

// The bundle that is proven.
const bundle = "default"

// What an image is pinned to by Gatekeeper's mutation.
const (
	image       = "registry.example.com/shop/cart:1.4.2"
	imageDigest = "sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1"
)

// What all tests share. What they do not all need starts when the first of them asks for it.
var (
	dirs                harness.Dirs
	cluster             *harness.ControlPlane
	gatekeeperAuthority *harness.Authority

	startGatekeeper = sync.OnceValues(func() (*harness.Gatekeeper, error) {
		gatekeeper, err := harness.StartGatekeeper(context.Background(), dirs, cluster, gatekeeperAuthority)
		if err == nil {
			atExit(gatekeeper.Stop)
		}
		return gatekeeper, err
	})
	startKyverno = sync.OnceValues(func() (*harness.Kyverno, error) {
		kyverno, err := harness.StartKyverno(context.Background(), dirs, cluster)
		if err == nil {
			atExit(kyverno.Stop)
		}
		return kyverno, err
	})
	startPolicyHost = sync.OnceValues(startMainPolicyHost)
)

var exits []func()

func atExit(stop func()) { exits = append(exits, stop) }

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	defer func() {
		for _, stop := range slices.Backward(exits) {
			stop()
		}
	}()
	if err := prepare(context.Background()); err != nil {
		harness.Progress("%v", err)
		return 1
	}
	code := m.Run()
	// A panic that a server survives is still one.
	if panics := dirs.Panics(); len(panics) > 0 {
		harness.Progress("policy-host panicked: %s", strings.Join(panics, "\n"))
		return 1
	}
	return code
}

// prepare starts the cluster and gives it the kinds that the bundle knows beside the built-in ones.
func prepare(ctx context.Context) (err error) {
	if dirs, err = harness.NewDirs("../..", "engines"); err != nil {
		return err
	}
	if gatekeeperAuthority, err = harness.NewAuthority("e2e gatekeeper"); err != nil {
		return err
	}
	if cluster, err = harness.StartControlPlane(ctx, dirs); err != nil {
		return err
	}
	atExit(cluster.Stop)
	definitions, err := harness.ParseFiles("testdata/monitoring-crds.yaml")
	if err != nil {
		return err
	}
	return cluster.Apply(ctx, definitions...)
}

// startMainPolicyHost starts the instance that most tests use, with the service account and the rights
// that `policy-host bundle rbac` writes.
func startMainPolicyHost() (*harness.PolicyHost, error) {
	ctx := context.Background()
	kubeconfig, err := grantGeneratedRights(ctx)
	if err != nil {
		return nil, err
	}
	host, err := harness.StartPolicyHost(ctx, dirs, harness.PolicyHostOptions{
		Name:            "policy-host",
		Bundle:          bundle,
		Kubeconfig:      kubeconfig,
		ClientAuthority: gatekeeperAuthority,
		ImageDigests:    map[string]string{image: imageDigest},
	})
	if err == nil {
		atExit(func() { host.Kill() })
	}
	return host, err
}
