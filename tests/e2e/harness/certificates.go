package harness

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Authority is a certificate authority. Each party of the tests has its own, so that a certificate
// which is accepted in the wrong place is noticed.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// Certificate is a certificate with its key, both in PEM.
type Certificate struct{ Certificate, Key []byte }

// NewAuthority makes an authority that is valid for a day.
func NewAuthority(name string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{certificate, key}, nil
}

// PEM is the authority's certificate.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// Pool has this authority alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// Issue makes a certificate for loopback that serves as a server's and as a client's.
func (a *Authority) Issue(subject pkix.Name) (Certificate, error) {
	return a.issue(subject, time.Now().Add(12*time.Hour))
}

// IssueExpired makes one that was valid until a minute ago.
func (a *Authority) IssueExpired(subject pkix.Name) (Certificate, error) {
	return a.issue(subject, time.Now().Add(-time.Minute))
}

func (a *Authority) issue(subject pkix.Name, until time.Time) (Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      subject,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     until,
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		// Gatekeeper presents its serving certificate to providers, so one certificate is both.
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return Certificate{}, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return Certificate{}, err
	}
	return Certificate{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), keyPEM}, nil
}

// Write writes tls.crt and tls.key into a directory, the names that Kubernetes gives them in a Secret.
func (c Certificate) Write(directory string) (certificate, key string, err error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", "", err
	}
	certificate, key = filepath.Join(directory, "tls.crt"), filepath.Join(directory, "tls.key")
	if err := os.WriteFile(certificate, c.Certificate, 0o600); err != nil {
		return "", "", err
	}
	return certificate, key, os.WriteFile(key, c.Key, 0o600)
}

// TLS is the certificate as Go's own client presents it.
func (c Certificate) TLS() (tls.Certificate, error) {
	return tls.X509KeyPair(c.Certificate, c.Key)
}

func encodeKey(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func serial() *big.Int {
	// rand.Int fails only when its reader does, and crypto/rand's ends the program instead.
	number, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return number
}
