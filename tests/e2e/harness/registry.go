package harness

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/bcrypt"
	"sigs.k8s.io/yaml"
)

// RegistryKind is a registry's program.
type RegistryKind string

const (
	// Olareg serves OCI 1.1, with the referrers API, and gives out tokens. It keeps what it stores in
	// OCI image layouts.
	Olareg RegistryKind = "olareg"
	// DockerRegistry is Debian's, of version 2.8: without the referrers API, so that clients maintain
	// the tag which stands in for it; with basic authentication.
	DockerRegistry RegistryKind = "docker-registry"
)

// RegistryOptions is what registries differ in.
type RegistryOptions struct {
	Kind RegistryKind
	// Name of its log and of its directory.
	Name string
	// Authority of its certificate; nil for plain HTTP.
	Authority *Authority
	// Accounts are the passwords of those who may come in; empty for everybody.
	Accounts map[string]string
}

// Registry is a registry on loopback. What was pushed to it is still there when it is started again.
type Registry struct {
	*Process
	// Host begins the references: an address and a port.
	Host string

	dirs      Dirs
	options   RegistryOptions
	arguments []string
}

// StartRegistry starts a registry and waits until it answers.
func StartRegistry(ctx context.Context, dirs Dirs, options RegistryOptions) (*Registry, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	r := &Registry{Host: fmt.Sprintf("127.0.0.1:%d", port), dirs: dirs, options: options}
	directory := filepath.Join(dirs.State, options.Name)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, err
	}
	var certificate, key string
	if options.Authority != nil {
		serving, err := options.Authority.Issue(pkix.Name{CommonName: options.Name})
		if err != nil {
			return nil, err
		}
		if certificate, key, err = serving.Write(directory); err != nil {
			return nil, err
		}
	}
	prepare := r.prepareOlareg
	if options.Kind == DockerRegistry {
		prepare = r.prepareDockerRegistry
	}
	if err := prepare(directory, port, certificate, key); err != nil {
		return nil, err
	}
	return r, r.Restart(ctx)
}

// Restart starts it after it was stopped, at the same address and with the same content.
func (r *Registry) Restart(ctx context.Context) (err error) {
	r.Process, err = r.dirs.Start(r.options.Name, nil, r.options.Kind.binary(r.dirs), r.arguments...)
	if err != nil {
		return err
	}
	return r.ready(ctx, r.probe(), r.URL()+"/v2/")
}

// URL is where it answers.
func (r *Registry) URL() string {
	if r.options.Authority != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (k RegistryKind) binary(dirs Dirs) string {
	if k == DockerRegistry {
		return "docker-registry"
	}
	return dirs.binary(string(k))
}

// prepareOlareg writes its accounts, if it has any.
func (r *Registry) prepareOlareg(directory string, port int, certificate, key string) error {
	r.arguments = []string{
		"serve", "--addr", "127.0.0.1", "--port", fmt.Sprint(port), "--dir", filepath.Join(directory, "storage"),
		// What a test has pushed stays for as long as the test runs.
		"--gc-frequency=-1s",
	}
	if certificate != "" {
		r.arguments = append(r.arguments, "--tls-cert", certificate, "--tls-key", key)
	}
	if len(r.options.Accounts) == 0 {
		return nil
	}
	users, names := map[string]any{}, []string{}
	for name, password := range r.options.Accounts {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			return err
		}
		users[name] = map[string]any{"cred": string(hash)}
		names = append(names, name)
	}
	everything := []any{
		// The empty name is that of the registry itself, which clients ask how they shall authenticate.
		map[string]any{"repo": "", "members": names, "access": []string{"read"}},
		map[string]any{"repo": "*", "members": names, "access": []string{"read", "write"}},
	}
	accounts := filepath.Join(directory, "accounts.yaml")
	r.arguments = append(r.arguments, "--auth-token-opaque", accounts, "--external-url", r.URL())
	return writeYAML(accounts, map[string]any{"users": users, "acls": everything})
}

// prepareDockerRegistry writes its configuration.
func (r *Registry) prepareDockerRegistry(directory string, port int, certificate, key string) error {
	http := map[string]any{"addr": r.Host}
	if certificate != "" {
		http["tls"] = map[string]any{"certificate": certificate, "key": key}
	}
	config := map[string]any{
		"version": "0.1",
		"log":     map[string]any{"level": "info"},
		"storage": map[string]any{"filesystem": map[string]any{"rootdirectory": filepath.Join(directory, "storage")}},
		"http":    http,
	}
	if len(r.options.Accounts) > 0 {
		var lines []byte
		for name, password := range r.options.Accounts {
			hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
			if err != nil {
				return err
			}
			lines = fmt.Appendf(lines, "%s:%s\n", name, hash)
		}
		accounts := filepath.Join(directory, "htpasswd")
		if err := os.WriteFile(accounts, lines, 0o600); err != nil {
			return err
		}
		config["auth"] = map[string]any{"htpasswd": map[string]any{"realm": "e2e", "path": accounts}}
	}
	file := filepath.Join(directory, "config.yaml")
	r.arguments = []string{"serve", file}
	return writeYAML(file, config)
}

func writeYAML(file string, value any) error {
	text, err := yaml.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// probe asks with the right of any account.
func (r *Registry) probe() *http.Client {
	transport := &http.Transport{}
	if r.options.Authority != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: r.options.Authority.Pool()}
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: anyAnswer{transport}}
}

// anyAnswer takes a refusal for an answer too: a registry with accounts has none other for a stranger.
type anyAnswer struct{ http.RoundTripper }

func (a anyAnswer) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := a.RoundTripper.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		response.StatusCode = http.StatusOK
	}
	return response, err
}
