package oci

import (
	"net/http"
	"strings"
	"testing"

	"policy-host/tests/e2e/harness"
)

// A registry is killed in the middle of a blob. The next run completes what that one began, and neither
// sends nor fetches what is there already.
func TestRegistryIsKilled(t *testing.T) {
	for _, kind := range []harness.RegistryKind{harness.Olareg, harness.DockerRegistry} {
		t.Run(string(kind), func(t *testing.T) {
			registry := ownRegistry(t, harness.RegistryOptions{Kind: kind})
			line := must[*harness.Line](t)(harness.NewLine(registry))
			t.Cleanup(line.Close)
			// Some are under way at the same time, and the others were there before.
			const nth = 12

			t.Run("while it is pushed to", func(t *testing.T) {
				machine, repository := newMachine(t, "machine"), repository(t, line.Host)
				push(t, machine, bundle, repository+"-whole:1.0")
				all := blobs(line, http.MethodPut)

				line.KillAt(nth, http.MethodPut)
				arguments := []string{"bundle", "push", bundle, repository + ":1.0", "--insecure"}
				refused(t, machine, []string{line.Host}, arguments...)
				check(t, registry.Restart(t.Context()))
				line.Requests()
				run(t, machine.PolicyHost, arguments...)
				if again := blobs(line, http.MethodPut); again == 0 || again >= all {
					t.Errorf("of %d blobs, %d were sent after it was killed", all, again)
				}
				judges(t, newMachine(t, "user"), repository+":1.0", "--insecure", "--allow-unsigned")
			})
			t.Run("while it is pulled from", func(t *testing.T) {
				reference := repository(t, line.Host) + ":1.0"
				push(t, newMachine(t, "publisher"), bundle, reference)
				line.Requests()
				arguments := []string{"bundle", "pull", reference, "--insecure", "--allow-unsigned"}
				run(t, newMachine(t, "another").PolicyHost, arguments...)
				all := blobs(line, http.MethodGet)

				machine := newMachine(t, "machine")
				line.KillAt(nth, http.MethodGet)
				refused(t, machine, []string{line.Host}, arguments...)
				check(t, registry.Restart(t.Context()))
				line.Requests()
				run(t, machine.PolicyHost, arguments...)
				if again := blobs(line, http.MethodGet); again == 0 || again >= all {
					t.Errorf("of %d blobs, %d were fetched after it was killed", all, again)
				}
				judges(t, machine, reference, "--insecure", "--allow-unsigned")
			})
		})
	}
}

// blobs counts the requests of a method for blobs, since requests were last looked at.
func blobs(line *harness.Line, method string) (count int) {
	for _, request := range line.Requests() {
		if strings.HasPrefix(request, method+" ") && strings.Contains(request, "/blobs/") {
			count++
		}
	}
	return count
}
