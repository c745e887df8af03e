package harness

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509/pkix"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/keyutil"
)

// ControlPlane is etcd and kube-apiserver. Without controllers nothing collects garbage and a
// Deployment never gets pods, which admission does not need.
type ControlPlane struct {
	// Client of an administrator.
	*Client
	// Kubeconfig of an administrator.
	Kubeconfig string

	dirs         Dirs
	authority    *Authority
	server       string
	etcd         *Process
	apiServer    *Process
	apiArguments []string
	apiProbe     *http.Client
	config       *rest.Config
}

// StartControlPlane starts both and waits until the API server is ready.
func StartControlPlane(ctx context.Context, dirs Dirs) (_ *ControlPlane, err error) {
	authority, err := NewAuthority("e2e cluster")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	c := &ControlPlane{dirs: dirs, authority: authority, server: fmt.Sprintf("https://127.0.0.1:%d", ports[2])}
	defer func() {
		if err != nil {
			c.Stop()
		}
	}()
	store := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	if err := c.startEtcd(ctx, store, ports[1]); err != nil {
		return nil, err
	}
	if err := c.startAPIServer(ctx, store, ports[2]); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *ControlPlane) startEtcd(ctx context.Context, store string, peerPort int) error {
	Progress("start etcd")
	etcd, err := c.dirs.Start("etcd", nil, c.dirs.binary("etcd"),
		"--data-dir="+filepath.Join(c.dirs.State, "etcd"),
		"--listen-client-urls="+store, "--advertise-client-urls="+store,
		fmt.Sprintf("--listen-peer-urls=http://127.0.0.1:%d", peerPort),
		// Nothing has to survive a power cut.
		"--unsafe-no-fsync")
	if err != nil {
		return err
	}
	c.etcd = etcd
	return etcd.ready(ctx, http.DefaultClient, store+"/health")
}

func (c *ControlPlane) startAPIServer(ctx context.Context, store string, port int) error {
	Progress("start kube-apiserver")
	directory := filepath.Join(c.dirs.State, "kube-apiserver")
	serving, err := c.authority.Issue(pkix.Name{CommonName: "kube-apiserver"})
	if err != nil {
		return err
	}
	certificate, key, err := serving.Write(directory)
	if err != nil {
		return err
	}
	clientAuthority := filepath.Join(directory, "ca.crt")
	if err := os.WriteFile(clientAuthority, c.authority.PEM(), 0o600); err != nil {
		return err
	}
	// What service accounts' tokens are signed with.
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	// In this form the public key is read from the same file.
	signerPEM, err := keyutil.MarshalPrivateKeyToPEM(signer)
	if err != nil {
		return err
	}
	signerFile := filepath.Join(directory, "service-account.key")
	if err := os.WriteFile(signerFile, signerPEM, 0o600); err != nil {
		return err
	}

	c.apiArguments = []string{
		"--etcd-servers=" + store,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + certificate, "--tls-private-key-file=" + key, "--client-ca-file=" + clientAuthority,
		"--cert-dir=" + directory,
		"--authorization-mode=RBAC",
		"--service-account-issuer=" + c.server,
		"--service-account-key-file=" + signerFile, "--service-account-signing-key-file=" + signerFile,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--endpoint-reconciler-type=none",
		// To refuse privileged containers is the rules' part here.
		"--allow-privileged=true",
		// Nobody makes the service accounts that it would insist on.
		"--disable-admission-plugins=ServiceAccount",
	}
	admin, err := c.authority.Issue(pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}})
	if err != nil {
		return err
	}
	config := &rest.Config{
		Host:            c.server,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.authority.PEM(), CertData: admin.Certificate, KeyData: admin.Key},
	}
	identity, err := admin.TLS()
	if err != nil {
		return err
	}
	c.apiProbe = &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: c.authority.Pool(), Certificates: []tls.Certificate{identity}},
		},
	}
	if err := c.runAPIServer(ctx); err != nil {
		return err
	}
	user := &clientcmdapi.AuthInfo{ClientCertificateData: admin.Certificate, ClientKeyData: admin.Key}
	if c.Kubeconfig, err = c.WriteKubeconfig("admin", user); err != nil {
		return err
	}
	c.config = config
	c.Client, err = newClient(config)
	return err
}

// Impersonate is a client of somebody else, as the API server sees it.
func (c *ControlPlane) Impersonate(user string, groups ...string) (*Client, error) {
	config := rest.CopyConfig(c.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	return newClient(config)
}

func (c *ControlPlane) runAPIServer(ctx context.Context) (err error) {
	c.apiServer, err = c.dirs.Start("kube-apiserver", nil, c.dirs.binary("kube-apiserver"), c.apiArguments...)
	if err != nil {
		return err
	}
	return c.apiServer.ready(ctx, c.apiProbe, c.server+"/readyz")
}

// RestartAPIServer kills the API server and starts it again, with what etcd has kept.
func (c *ControlPlane) RestartAPIServer(ctx context.Context) error {
	Progress("start kube-apiserver again")
	c.apiServer.Kill()
	return c.runAPIServer(ctx)
}

// WriteKubeconfig writes a kubeconfig for a user.
func (c *ControlPlane) WriteKubeconfig(name string, user *clientcmdapi.AuthInfo) (string, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["e2e"] = &clientcmdapi.Cluster{Server: c.server, CertificateAuthorityData: c.authority.PEM()}
	config.AuthInfos[name] = user
	config.Contexts["e2e"] = &clientcmdapi.Context{Cluster: "e2e", AuthInfo: name}
	config.CurrentContext = "e2e"
	file := filepath.Join(c.dirs.State, name+".kubeconfig")
	return file, clientcmd.WriteToFile(*config, file)
}

// Stop ends both.
func (c *ControlPlane) Stop() {
	// The data is thrown away, so there is nothing to shut down in order.
	for _, process := range []*Process{c.apiServer, c.etcd} {
		if process != nil {
			process.Kill()
		}
	}
}
