package harness

import (
	"bytes"
	"context"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// PolicyHost is one `policy-host serve`. It can be stopped and started again at the same addresses.
type PolicyHost struct {
	*Process
	// URL of the port with TLS, and of the one without.
	URL, PlainURL string
	// AdminURL is where probes and metrics are.
	AdminURL string
	// CABundle is the file with the authority of its certificate.
	CABundle string

	dirs        Dirs
	name        string
	config      string
	environment []string
}

// PolicyHostOptions is what instances differ in.
type PolicyHostOptions struct {
	// Name of its log and of its directory.
	Name string
	// Bundle that it serves.
	Bundle string
	// Kubeconfig with which it watches the cluster.
	Kubeconfig string
	// ClientAuthority of the certificates that callers of the Gatekeeper endpoint must have.
	ClientAuthority *Authority
	// ImageDigests that images are pinned to.
	ImageDigests map[string]string
	// Expired gives it a certificate that is no longer valid.
	Expired bool
	// FailureMode of the bundle; `closed` when it is empty.
	FailureMode string
	// Settings of the configuration beside all this.
	Settings map[string]any
}

// StartPolicyHost starts an instance and waits until it is ready.
func StartPolicyHost(ctx context.Context, dirs Dirs, options PolicyHostOptions) (*PolicyHost, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	directory := filepath.Join(dirs.State, options.Name)
	h := &PolicyHost{
		URL:      fmt.Sprintf("https://127.0.0.1:%d", ports[0]),
		PlainURL: fmt.Sprintf("http://127.0.0.1:%d", ports[1]),
		AdminURL: fmt.Sprintf("http://127.0.0.1:%d", ports[2]),
		CABundle: filepath.Join(directory, "ca.crt"),
		dirs:     dirs,
		name:     options.Name,
		config:   filepath.Join(directory, "config.yaml"),
	}
	authority, err := NewAuthority("e2e " + options.Name)
	if err != nil {
		return nil, err
	}
	issue := authority.Issue
	if options.Expired {
		issue = authority.IssueExpired
	}
	serving, err := issue(pkix.Name{CommonName: "policy-host"})
	if err != nil {
		return nil, err
	}
	certificate, key, err := serving.Write(directory)
	if err != nil {
		return nil, err
	}
	digests := options.ImageDigests
	if digests == nil {
		digests = map[string]string{}
	}
	clients := filepath.Join(directory, "clients.crt")
	served := map[string]any{"bundle": options.Bundle}
	if options.FailureMode != "" {
		served["failureMode"] = options.FailureMode
	}
	settings := map[string]any{
		"listen":      fmt.Sprintf("127.0.0.1:%d", ports[0]),
		"listenPlain": fmt.Sprintf("127.0.0.1:%d", ports[1]),
		"admin":       fmt.Sprintf("127.0.0.1:%d", ports[2]),
		"bundles":     []any{served},
		"tls": map[string]any{
			"certificate": certificate, "key": key,
			"clientAuthorities": clients, "clientCertificates": "gatekeeper",
		},
		"cluster":    map[string]any{"mode": "kubeconfig", "kubeconfig": options.Kubeconfig},
		"gatekeeper": map[string]any{"imageDigests": digests},
		// Nothing routes to it that would have to notice.
		"shutdown": map[string]any{"delay": "0s"},
		"log":      map[string]any{"format": "text"},
	}
	maps.Copy(settings, options.Settings)
	config, err := yaml.Marshal(settings)
	if err != nil {
		return nil, err
	}
	for file, content := range map[string][]byte{
		h.CABundle: authority.PEM(), clients: options.ClientAuthority.PEM(), h.config: config,
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return nil, err
		}
	}
	return h, h.Restart(ctx)
}

// Restart starts it after it was stopped, and waits until it is ready.
func (h *PolicyHost) Restart(ctx context.Context) (err error) {
	Progress("start %s", h.name)
	if h.Process, err = h.dirs.Start(h.name, h.environment, h.dirs.PolicyHost, "serve", "--config", h.config); err != nil {
		return err
	}
	return h.ready(ctx, http.DefaultClient, h.AdminURL+"/readyz")
}

// Panics are the lines of all instances' logs that tell of one.
func (d Dirs) Panics() (lines []string) {
	// The pattern is well-formed, the only error there is.
	logs, _ := filepath.Glob(filepath.Join(d.Logs, "policy-host*.log"))
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			return []string{err.Error()}
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "panicked at") {
				lines = append(lines, filepath.Base(log)+": "+strings.TrimSpace(line))
			}
		}
	}
	return lines
}

// Readiness is what /readyz?verbose says.
func (h *PolicyHost) Readiness(ctx context.Context) (string, error) {
	return h.admin(ctx, "/readyz?verbose")
}

// Metrics are what Prometheus would read.
func (h *PolicyHost) Metrics(ctx context.Context) (string, error) {
	return h.admin(ctx, "/metrics")
}

func (h *PolicyHost) admin(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.AdminURL+path, nil)
	if err != nil {
		return "", err
	}
	text, err := send(http.DefaultClient, request)
	return string(text), err
}

// Verdict is what policy-host says about an object, on every wire.
type Verdict struct {
	Allowed      bool
	Message      string
	Violations   []Finding
	Warnings     []Finding
	NotEvaluated []Finding
	Errors       []Finding
}

// Finding is what one rule says.
type Finding struct{ Rule, Message, Reason string }

// Evaluate asks for a verdict directly.
func (h *PolicyHost) Evaluate(ctx context.Context, bundle string, object *Object) (verdict Verdict, err error) {
	body, err := json.Marshal(map[string]any{"object": object})
	if err != nil {
		return verdict, err
	}
	url := h.PlainURL + "/v1/evaluate/" + bundle
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return verdict, err
	}
	request.Header.Set("Content-Type", "application/json")
	text, err := send(http.DefaultClient, request)
	if err != nil {
		return verdict, err
	}
	if err := json.Unmarshal(text, &verdict); err != nil {
		return verdict, fmt.Errorf("%w in %s", err, text)
	}
	return verdict, nil
}

func send(client *http.Client, request *http.Request) ([]byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s: %s", request.Method, request.URL, response.Status, text)
	}
	return text, nil
}

// Manifests are what `policy-host bundle ENGINE BUNDLE` writes, for this instance.
func (h *PolicyHost) Manifests(engine, bundle string, arguments ...string) ([]*Object, error) {
	url := h.URL
	if engine == "kyverno" {
		// Kyverno makes a connection with TLS anew for each call.
		url = h.PlainURL
	}
	arguments = append([]string{"--url", url, "--ca-bundle", h.CABundle}, arguments...)
	text, err := h.dirs.Bundle(engine, bundle, arguments...)
	if err != nil {
		return nil, err
	}
	return Parse(text)
}

// Bundle runs `policy-host bundle` and gives what it prints.
func (d Dirs) Bundle(engine, bundle string, arguments ...string) ([]byte, error) {
	return d.run(nil, d.PolicyHost, append([]string{"bundle", engine, bundle}, arguments...)...)
}
