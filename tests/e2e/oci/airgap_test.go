package oci

import (
	"os"
	"testing"

	"policy-host/tests/e2e/harness"
)

// A bundle crosses an air gap in a file, signature and all, to a machine that asks no registry.
func TestAirGap(t *testing.T) {
	onEach(t, func(t *testing.T, registry *harness.Registry) {
		publisher, inside := newMachine(t, "publisher"), newMachine(t, "inside")
		reference := repository(t, registry.Host) + ":1.0"
		key := newKey(t, publisher)
		push(t, publisher, bundle, reference)
		sign(t, publisher, key, reference)
		trust(t, publisher, key.public)
		run(t, publisher.PolicyHost, "bundle", "save", reference, "bundle.tar", "--insecure")

		take(t, publisher, inside, key.public)
		trust(t, inside, key.public)
		check(t, os.Rename(publisher.Path("bundle.tar"), inside.Path("bundle.tar")))
		run(t, inside.PolicyHost, "bundle", "load", "bundle.tar")
		judges(t, inside, reference, "--offline")

		// Someone who has another key takes it no more than from a registry.
		cosignKey(t, inside, "another")
		trust(t, inside, "another.pub")
		refused(t, inside, []string{"no key that may sign made it"}, "eval", fixture(t, "good.yaml"), "--bundle", reference, "--offline")
	})
}
