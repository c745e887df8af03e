package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"policy-host/tests/e2e/harness"
)

// The endpoint that Gatekeeper calls answers those alone whose certificate is of Gatekeeper's authority.
func TestClientCertificates(t *testing.T) {
	host := policyHost(t)
	stranger := must[*harness.Authority](t)(harness.NewAuthority("e2e stranger"))
	key := must[[]byte](t)(json.Marshal(map[string]any{
		"v": 1, "bundle": bundle, "object": fixture(t, "default", "bad.yaml").Object,
	}))
	request := must[[]byte](t)(json.Marshal(map[string]any{
		"apiVersion": "externaldata.gatekeeper.sh/v1beta1",
		"kind":       "ProviderRequest",
		"request":    map[string]any{"keys": []string{string(key)}},
	}))
	for name, test := range map[string]struct {
		authority *harness.Authority
		answered  bool
	}{
		"of its authority":      {gatekeeperAuthority, true},
		"of another authority":  {stranger, false},
		"without a certificate": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := callerOf(t, host, test.authority).
				Post(host.URL+"/v1/gatekeeper", "application/json", bytes.NewReader(request))
			if err != nil {
				if test.answered {
					t.Error(err)
				}
				return
			}
			defer answer.Body.Close()
			text := string(must[[]byte](t)(io.ReadAll(answer.Body)))
			if judged := strings.Contains(text, "pss-privileged"); judged != test.answered {
				t.Errorf("%s: %s", answer.Status, text)
			}
		})
	}
}

// callerOf trusts an instance, and presents a certificate of an authority, if there is one.
func callerOf(t *testing.T, host *harness.PolicyHost, authority *harness.Authority) *http.Client {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(must[[]byte](t)(os.ReadFile(host.CABundle)))
	if authority != nil {
		certificate := must[harness.Certificate](t)(authority.Issue(pkix.Name{CommonName: "caller"}))
		config.Certificates = []tls.Certificate{must[tls.Certificate](t)(certificate.TLS())}
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: config}}
}
