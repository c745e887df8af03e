package oci

import (
	"testing"

	"policy-host/tests/e2e/harness"
)

// Nothing of sigstore's public services is reached here: no transparency log, no signing configuration of theirs.
var (
	cosignOffline = []string{"--use-signing-config=false", "--tlog-upload=false", "--yes"}
	// As older versions of cosign write it: a manifest under a tag, in place of a bundle among the referrers.
	cosignOlder = append([]string{"--new-bundle-format=false"}, cosignOffline...)
)

// keyPair is a private key, encrypted, and the public key; names of files in a home directory.
type keyPair struct{ private, public string }

// Both make the same kind of keys.
var keyMakers = map[string]func(t *testing.T, machine *harness.Machine) keyPair{
	"policy-host": newKey,
	"cosign":      func(t *testing.T, machine *harness.Machine) keyPair { return cosignKey(t, machine, "cosign") },
}

// newKey makes a key pair as users of policy-host do.
func newKey(t *testing.T, machine *harness.Machine) keyPair {
	t.Helper()
	run(t, machine.PolicyHost, "key", "generate", "--output", "own")
	return keyPair{"own.key", "own.pub"}
}

// cosignKey makes a key pair as users of cosign do.
func cosignKey(t *testing.T, machine *harness.Machine, name string) keyPair {
	t.Helper()
	run(t, machine.Cosign, "generate-key-pair", "--output-key-prefix", name)
	return keyPair{name + ".key", name + ".pub"}
}

// sign signs as users of policy-host do.
func sign(t *testing.T, machine *harness.Machine, key keyPair, reference string, arguments ...string) {
	t.Helper()
	run(t, machine.PolicyHost, append([]string{"sign", "--key", key.private, reference, "--insecure"}, arguments...)...)
}

// cosignSign signs as users of cosign do.
func cosignSign(t *testing.T, machine *harness.Machine, key keyPair, reference string, flags []string) {
	t.Helper()
	run(t, machine.Cosign, append([]string{"sign", "--key", key.private, bare(reference)}, flags...)...)
}

// cosignVerify is what somebody runs who has cosign and a public key.
func cosignVerify(machine *harness.Machine, key keyPair, reference string, arguments ...string) error {
	arguments = append([]string{"verify", "--key", key.public, "--insecure-ignore-tlog=true", bare(reference)}, arguments...)
	_, err := machine.Cosign(arguments...)
	return err
}

// cosign believes what policy-host signs with a key of either, in both forms.
func TestCosignVerifies(t *testing.T) {
	onEach(t, func(t *testing.T, registry *harness.Registry) {
		for maker, makeKey := range keyMakers {
			t.Run("key of "+maker, func(t *testing.T) {
				machine, reference := newMachine(t, "machine"), repository(t, registry.Host)+":1.0"
				key, other := makeKey(t, machine), cosignKey(t, machine, "other")
				push(t, machine, bundle, reference)
				if err := cosignVerify(machine, key, reference); err == nil {
					t.Error("cosign verified what nobody signed")
				}
				sign(t, machine, key, reference)
				check(t, cosignVerify(machine, key, reference))
				if err := cosignVerify(machine, other, reference); err == nil {
					t.Error("cosign verified with another key")
				}

				const older = "--new-bundle-format=false"
				if err := cosignVerify(machine, key, reference, older); err == nil {
					t.Error("cosign found the older form where nobody asked for it")
				}
				sign(t, machine, key, reference, "--legacy")
				check(t, cosignVerify(machine, key, reference, older))
			})
		}
	})
}

// policy-host believes what cosign signs with a key of either, in both forms, and not what a stranger signs.
func TestCosignSigns(t *testing.T) {
	onEach(t, func(t *testing.T, registry *harness.Registry) {
		for form, flags := range map[string][]string{"bundle": cosignOffline, "older form": cosignOlder} {
			for maker, makeKey := range keyMakers {
				t.Run(form+" by a key of "+maker, func(t *testing.T) {
					publisher, user := newMachine(t, "publisher"), newMachine(t, "user")
					reference := repository(t, registry.Host) + ":1.0"
					key := makeKey(t, publisher)
					digest := push(t, publisher, bundle, reference)
					take(t, publisher, user, key.public)
					trust(t, user, key.public)
					pull := []string{"bundle", "pull", reference, "--insecure"}

					refused(t, user, []string{digest, "0 of 1 signatures"}, pull...)
					cosignSign(t, publisher, cosignKey(t, publisher, "stranger"), reference, flags)
					refused(t, user, []string{digest, "no key that may sign made it"}, pull...)

					cosignSign(t, publisher, key, reference, flags)
					run(t, user.PolicyHost, "verify", reference, "--key", key.public, "--insecure")
					run(t, user.PolicyHost, pull...)
					judges(t, user, reference, "--insecure")
				})
			}
		}
	})
}

// What is attested with either is found by the other.
func TestAttestations(t *testing.T) {
	const (
		kind          = "slsaprovenance1"
		predicateType = "https://slsa.dev/provenance/v1"
		provenance    = `{
			"buildDefinition": {"buildType": "https://example.com/e2e", "externalParameters": {}},
			"runDetails": {"builder": {"id": "https://example.com/e2e"}}
		}`
	)
	onEach(t, func(t *testing.T, registry *harness.Registry) {
		publish := func(t *testing.T, publisher *harness.Machine) (key keyPair, reference, digest, predicate string) {
			reference = repository(t, registry.Host) + ":1.0"
			key = newKey(t, publisher)
			digest = push(t, publisher, bundle, reference)
			sign(t, publisher, key, reference)
			return key, reference, digest, write(t, publisher, "predicate.json", provenance)
		}
		t.Run("of cosign", func(t *testing.T) {
			publisher, user := newMachine(t, "publisher"), newMachine(t, "user")
			key, reference, digest, predicate := publish(t, publisher)
			take(t, publisher, user, key.public)
			trust(t, user, key.public, kind)
			pull := []string{"bundle", "pull", reference, "--insecure"}
			refused(t, user, []string{digest, "no attestation `" + predicateType + "`"}, pull...)
			// Something else that is attested is no provenance.
			attest := func(kind, predicate string) {
				run(t, publisher.Cosign, append([]string{
					"attest", "--key", key.private, "--type", kind, "--predicate", predicate, bare(reference),
				}, cosignOffline...)...)
			}
			attest("openvex", write(t, publisher, "vex.json", `{"@context": "https://openvex.dev/ns/v0.2.0"}`))
			refused(t, user, []string{digest, "no attestation `" + predicateType + "`"}, pull...)
			attest(kind, predicate)
			run(t, user.PolicyHost, pull...)
		})
		t.Run("of policy-host", func(t *testing.T) {
			publisher := newMachine(t, "publisher")
			key, reference, _, predicate := publish(t, publisher)
			verify := []string{
				"verify-attestation", "--key", key.public, "--insecure-ignore-tlog=true", "--type", kind, bare(reference),
			}
			if out, err := publisher.Cosign(verify...); err == nil {
				t.Errorf("cosign found an attestation before there was one:\n%s", out)
			}
			run(t, publisher.PolicyHost, "attest", "--key", key.private, "--type", kind, "--predicate", predicate,
				reference, "--insecure")
			run(t, publisher.Cosign, verify...)
		})
	})
}
