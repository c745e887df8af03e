package harness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// PushImage puts a small image under a tag, as a builder would, and gives its digest. Another content makes another
// image.
func (r *Registry) PushImage(ctx context.Context, repository, tag, content string) (digest string, err error) {
	config, err := json.Marshal(map[string]any{
		"os": "linux", "architecture": "amd64", "created": time.Now().UTC().Format(time.RFC3339),
		"config": map[string]any{"User": "65532", "Labels": map[string]string{"content": content}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{Digest([]byte(content))}},
	})
	if err != nil {
		return "", err
	}
	descriptor := func(mediaType string, blob []byte) map[string]any {
		return map[string]any{"mediaType": mediaType, "digest": Digest(blob), "size": len(blob)}
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": imageManifest,
		"config": descriptor("application/vnd.oci.image.config.v1+json", config),
		"layers": []any{descriptor("application/vnd.oci.image.layer.v1.tar", []byte(content))},
	})
	if err != nil {
		return "", err
	}
	for _, blob := range [][]byte{config, []byte(content)} {
		if err := r.pushBlob(ctx, repository, blob); err != nil {
			return "", err
		}
	}
	_, err = r.send(ctx, http.MethodPut, r.URL()+"/v2/"+repository+"/manifests/"+tag, imageManifest, manifest, http.StatusCreated)
	return Digest(manifest), err
}

const imageManifest = "application/vnd.oci.image.manifest.v1+json"

// Digest names content.
func Digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

func (r *Registry) pushBlob(ctx context.Context, repository string, blob []byte) error {
	begun, err := r.send(ctx, http.MethodPost, r.URL()+"/v2/"+repository+"/blobs/uploads/", "", nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	base, err := url.Parse(r.URL())
	if err != nil {
		return err
	}
	location, err := base.Parse(begun.Header.Get("Location"))
	if err != nil {
		return err
	}
	query := location.Query()
	query.Set("digest", Digest(blob))
	location.RawQuery = query.Encode()
	_, err = r.send(ctx, http.MethodPut, location.String(), "application/octet-stream", blob, http.StatusCreated)
	return err
}

func (r *Registry) send(
	ctx context.Context, method, url, contentType string, body []byte, expected int,
) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := r.probe().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != expected {
		return nil, fmt.Errorf("%s %s: %s", method, url, response.Status)
	}
	return response, nil
}
