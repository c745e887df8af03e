package oci

import (
	"os"
	"strings"
	"testing"

	"policy-host/tests/e2e/harness"
)

// What one machine pushes, another judges with, by tag and by digest.
func TestPushAndPull(t *testing.T) {
	onEach(t, func(t *testing.T, registry *harness.Registry) {
		publisher, user := newMachine(t, "publisher"), newMachine(t, "user")
		repository := repository(t, registry.Host)
		digest := push(t, publisher, bundle, repository+":1.0")

		run(t, user.PolicyHost, "bundle", "pull", repository+":1.0", "--insecure", "--allow-unsigned")
		run(t, user.PolicyHost, "bundle", "pull", repository+"@"+digest, "--insecure", "--allow-unsigned")
		if out := run(t, user.PolicyHost, "bundle", "inspect", repository+":1.0", "--insecure"); !strings.Contains(out, digest) {
			t.Errorf("the digest is not shown:\n%s", out)
		}
		if out := run(t, user.PolicyHost, "bundle", "list", repository, "--insecure"); !strings.Contains(out, "1.0") {
			t.Errorf("the tag is not listed:\n%s", out)
		}
		for _, reference := range []string{repository + ":1.0", repository + "@" + digest} {
			judges(t, user, reference, "--insecure", "--allow-unsigned")
		}
	})
}

// What comes from a registry is used only when somebody signed it, or somebody says that nobody needs to have.
func TestUnsigned(t *testing.T) {
	onEach(t, func(t *testing.T, registry *harness.Registry) {
		publisher, user := newMachine(t, "publisher"), newMachine(t, "user")
		repository := repository(t, registry.Host)
		digest := push(t, publisher, bundle, repository+":1.0")
		for _, command := range [][]string{
			{"bundle", "pull", repository + ":1.0"},
			{"eval", fixture(t, "good.yaml"), "--bundle", repository + ":1.0"},
		} {
			refused(t, user, []string{digest, "there is no trust policy", "--allow-unsigned"}, append(command, "--insecure")...)
		}
	})
}

// Plain HTTP is spoken only on purpose.
func TestPlainHTTP(t *testing.T) {
	onEach(t, func(t *testing.T, registry *harness.Registry) {
		machine := newMachine(t, "machine")
		reference := repository(t, registry.Host) + ":1.0"
		refused(t, machine, []string{registry.Host, "it speaks no TLS; --insecure"}, "bundle", "push", bundle, reference)
	})
}

// A lock holds a tag to the digest that it had.
func TestLock(t *testing.T) {
	onEach(t, func(t *testing.T, registry *harness.Registry) {
		publisher, user := newMachine(t, "publisher"), newMachine(t, "user")
		reference := repository(t, registry.Host) + ":stable"
		first := push(t, publisher, write(t, publisher, "first.yaml", version1), reference)
		run(t, user.PolicyHost, "bundle", "pull", reference, "--insecure", "--allow-unsigned")
		if text := string(must[[]byte](t)(os.ReadFile(user.Path("policy-host.lock")))); !strings.Contains(text, first) {
			t.Fatalf("the lock does not have %s:\n%s", first, text)
		}
		second := push(t, publisher, write(t, publisher, "second.yaml", version2), reference)
		locked := []string{"bundle", "pull", reference, "--insecure", "--allow-unsigned", "--locked"}
		run(t, user.PolicyHost, locked...)
		run(t, user.PolicyHost, "bundle", "pull", reference, "--insecure", "--allow-unsigned", "--update")
		if text := string(must[[]byte](t)(os.ReadFile(user.Path("policy-host.lock")))); !strings.Contains(text, second) {
			t.Errorf("the lock does not have %s:\n%s", second, text)
		}
		refused(t, newMachine(t, "another"), []string{"policy-host.lock"}, locked...)
	})
}
