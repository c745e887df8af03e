package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Object is any Kubernetes object.
type Object = unstructured.Unstructured

// Client talks to the API server as kubectl does.
type Client struct {
	client.Client
}

func newClient(config *rest.Config) (*Client, error) {
	config = rest.CopyConfig(config)
	// The tests make their own load, and mean it.
	config.QPS = -1
	config.WarningHandlerWithContext = warningHandler{}
	inner, err := client.New(config, client.Options{})
	return &Client{inner}, err
}

type warningsKey struct{}

// Warnings are what the API server said beside its answer, which is what admission webhooks warn of.
type Warnings struct {
	lock  sync.Mutex
	texts []string
}

// CollectWarnings makes a context whose requests' warnings are kept.
func CollectWarnings(ctx context.Context) (context.Context, *Warnings) {
	warnings := &Warnings{}
	return context.WithValue(ctx, warningsKey{}, warnings), warnings
}

// Texts are the warnings so far.
func (w *Warnings) Texts() []string {
	w.lock.Lock()
	defer w.lock.Unlock()
	return slices.Clone(w.texts)
}

type warningHandler struct{}

func (warningHandler) HandleWarningHeaderWithContext(ctx context.Context, code int, agent, text string) {
	if warnings, ok := ctx.Value(warningsKey{}).(*Warnings); ok {
		warnings.lock.Lock()
		defer warnings.lock.Unlock()
		warnings.texts = append(warnings.texts, text)
	}
}

// Parse reads all documents of a YAML text.
func Parse(text []byte) ([]*Object, error) {
	var objects []*Object
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &Object{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// ParseFiles reads all documents of YAML files, and of the YAML files in directories.
func ParseFiles(paths ...string) ([]*Object, error) {
	var objects []*Object
	for _, path := range paths {
		files := []string{path}
		if info, err := os.Stat(path); err != nil {
			return nil, err
		} else if info.IsDir() {
			if files, err = filepath.Glob(filepath.Join(path, "*.yaml")); err != nil {
				return nil, err
			}
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			found, err := Parse(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			objects = append(objects, found...)
		}
	}
	return objects, nil
}

// Apply applies objects, those first that others need: an object whose kind the API server learns
// from a CustomResourceDefinition is tried until it has.
func (c *Client) Apply(ctx context.Context, objects ...*Object) error {
	for _, object := range objects {
		err := Eventually(ctx, "the API server to take "+Describe(object), func(ctx context.Context) error {
			err := c.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object.DeepCopy()),
				client.FieldOwner("e2e"), client.ForceOwnership)
			if err != nil && !isUnknownKind(err) {
				return Permanent(err)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// isUnknownKind is true for as long as the API server does not serve the kind, or Gatekeeper, which judges
// constraints, has not read the template.
func isUnknownKind(err error) bool {
	text := err.Error()
	return strings.Contains(text, "no matches for kind") ||
		strings.Contains(text, "the server could not find the requested resource") ||
		strings.Contains(text, "missing ConstraintTemplate") ||
		strings.Contains(text, "unable to retrieve the complete list of server APIs")
}

// CreateNamespace makes a namespace with labels.
func (c *Client) CreateNamespace(ctx context.Context, name string, labels map[string]string) error {
	return c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
}

// Fetch reads the present state of an object.
func (c *Client) Fetch(ctx context.Context, object *Object) (*Object, error) {
	found := &Object{}
	found.SetGroupVersionKind(object.GroupVersionKind())
	return found, c.Get(ctx, client.ObjectKeyFromObject(object), found)
}

// ServiceAccount makes a service account and a kubeconfig with a token of it.
func (c *ControlPlane) ServiceAccount(ctx context.Context, namespace, name string) (kubeconfig string, err error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := client.IgnoreAlreadyExists(c.Create(ctx, account)); err != nil {
		return "", err
	}
	request := &authenticationv1.TokenRequest{}
	if err := c.SubResource("token").Create(ctx, account, request); err != nil {
		return "", fmt.Errorf("a token for %s/%s: %w", namespace, name, err)
	}
	return c.WriteKubeconfig(namespace+"-"+name, &clientcmdapi.AuthInfo{Token: request.Status.Token})
}

// Describe names an object.
func Describe(object *Object) string {
	return strings.TrimSpace(object.GetKind() + " " + strings.TrimPrefix(object.GetNamespace()+"/"+object.GetName(), "/"))
}
