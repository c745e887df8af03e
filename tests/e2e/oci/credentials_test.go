package oci

import (
	"strings"
	"testing"

	"policy-host/tests/e2e/harness"
)

const (
	account  = "ann"
	password = "open sesame"
)

// A registry behind TLS of an authority of one's own, with accounts: a token of olareg, a password at
// docker-registry.
func TestCredentials(t *testing.T) {
	for _, kind := range []harness.RegistryKind{harness.Olareg, harness.DockerRegistry} {
		t.Run(string(kind), func(t *testing.T) {
			authority := must[*harness.Authority](t)(harness.NewAuthority("e2e " + string(kind)))
			registry := ownRegistry(t, harness.RegistryOptions{
				Kind: kind, Authority: authority, Accounts: map[string]string{account: password},
			})
			reference := repository(t, registry.Host) + ":1.0"
			push := []string{"bundle", "push", bundle, reference}

			for role, login := range map[string]func(m *harness.Machine) error{
				"docker-login": func(m *harness.Machine) error { return m.Login(registry.Host, account, password) },
				"helper":       func(m *harness.Machine) error { return m.LoginByHelper(registry.Host, account, password) },
			} {
				t.Run(role, func(t *testing.T) {
					machine := newMachine(t, "machine")
					check(t, machine.Trust(authority))
					check(t, login(machine))
					run(t, machine.PolicyHost, push...)
					run(t, machine.PolicyHost, "bundle", "pull", reference, "--allow-unsigned")
					judges(t, machine, reference, "--allow-unsigned")
				})
			}
			t.Run("unknown authority", func(t *testing.T) {
				machine := newMachine(t, "machine")
				check(t, machine.Login(registry.Host, account, password))
				if said := refused(t, machine, []string{registry.Host, "invalid peer certificate"}, push...); strings.Contains(said, "tried") {
					t.Errorf("what does not change is tried again: %s", said)
				}
			})
			t.Run("no account", func(t *testing.T) {
				machine := newMachine(t, "machine")
				check(t, machine.Trust(authority))
				refused(t, machine, []string{registry.Host}, push...)
			})
			t.Run("wrong password", func(t *testing.T) {
				const wrong = "close sesame"
				machine := newMachine(t, "machine")
				check(t, machine.Trust(authority))
				check(t, machine.Login(registry.Host, account, wrong))
				if said := refused(t, machine, []string{registry.Host, "the registry answered 40"}, push...); strings.Contains(said, wrong) {
					t.Errorf("the password is printed: %s", said)
				}
			})
		})
	}
}
