package oci

import (
	"strings"
	"testing"

	"policy-host/tests/e2e/harness"
)

// What others copy is what was pushed: it has the same digest, and its signature verifies.
func TestCopies(t *testing.T) {
	onEach(t, func(t *testing.T, registry *harness.Registry) {
		for tool, copied := range map[string]func(t *testing.T, machine *harness.Machine, from, to, digest string){
			"oras": func(t *testing.T, machine *harness.Machine, from, to, _ string) {
				run(t, machine.Oras, "cp", "--recursive", "--from-plain-http", "--to-plain-http", bare(from)+":1.0", bare(to)+":1.0")
			},
			"skopeo":      skopeoCopy,
			"policy-host": policyHostCopy,
		} {
			t.Run(tool, func(t *testing.T) {
				publisher, user := newMachine(t, "publisher"), newMachine(t, "user")
				origin := repository(t, registry.Host)
				key := newKey(t, publisher)
				digest := push(t, publisher, bundle, origin+":1.0")
				// skopeo knows nothing of referrers, and much of the older form.
				sign(t, publisher, key, origin+":1.0", "--legacy")
				copied(t, publisher, origin, origin+"-copy", digest)

				take(t, publisher, user, key.public)
				trust(t, user, key.public)
				pull := []string{"bundle", "pull", origin + "-copy@" + digest, "--insecure"}
				// A signature is for a repository. Somebody could copy an old version to where a new one belongs.
				refused(t, user, []string{digest, "it was made for the repository `" + bare(origin) + "`"}, pull...)
				trustMirror(t, user, key.public, bare(origin)+"-copy", bare(origin))
				run(t, user.PolicyHost, pull...)
				judges(t, user, origin+"-copy:1.0", "--insecure")
			})
		}
	})
}

// skopeoCopy copies an index with all its manifests, and then the manifest with the signatures: skopeo copies
// those of images, and looks for none of an index.
func skopeoCopy(t *testing.T, machine *harness.Machine, from, to, digest string) {
	signatures := ":" + signatureTag(digest)
	for _, tag := range []string{":1.0", signatures} {
		run(t, machine.Skopeo, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
			"docker://"+bare(from)+tag, "docker://"+bare(to)+tag)
	}
}

func policyHostCopy(t *testing.T, machine *harness.Machine, from, to, _ string) {
	run(t, machine.PolicyHost, "bundle", "copy", from+":1.0", to+":1.0", "--insecure")
}

// signatureTag is where cosign's older form is.
func signatureTag(digest string) string { return strings.Replace(digest, ":", "-", 1) + ".sig" }
