package harness

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
)

// Line lies between a client and a registry without TLS. It keeps what was asked for, and can be told in
// the middle of what the registry shall be killed.
type Line struct {
	// Host begins references through this line.
	Host string

	registry *Registry
	server   *http.Server
	lock     sync.Mutex
	requests []string
	fatal    func(request *http.Request) bool
}

// errKilled ends what was under way.
var errKilled = errors.New("the registry was killed")

// NewLine lays a line to a registry.
func NewLine(registry *Registry) (*Line, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(registry.URL())
	if err != nil {
		return nil, err
	}
	l := &Line{Host: listener.Addr().String(), registry: registry}
	l.server = &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(target)
			// Where an upload goes on is at this end of the line, too.
			request.Out.Host = request.In.Host
			l.send(request.Out)
		},
		ModifyResponse: l.receive,
		// Nobody is there who could answer.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0),
	}}
	go func() { _ = l.server.Serve(listener) }()
	return l, nil
}

// Close cuts it.
func (l *Line) Close() { _ = l.server.Close() }

// KillAt has the registry killed in the middle of the request that is the n-th of a method, of a blob: half of
// what is sent, or of what is answered, has come through.
func (l *Line) KillAt(n int, method string) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.fatal = func(request *http.Request) bool {
		if request.Method == method && strings.Contains(request.URL.Path, "/blobs/") {
			n--
		}
		return n == 0
	}
}

// Requests are those since it was last asked, each by its method and path.
func (l *Line) Requests() []string {
	l.lock.Lock()
	defer l.lock.Unlock()
	requests := l.requests
	l.requests = nil
	return requests
}

type fatalKey struct{}

// send looks at a request on its way to the registry.
func (l *Line) send(request *http.Request) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.requests = append(l.requests, request.Method+" "+request.URL.Path)
	if l.fatal == nil || !l.fatal(request) {
		return
	}
	l.fatal = nil
	if request.Method == http.MethodGet {
		*request = *request.WithContext(context.WithValue(request.Context(), fatalKey{}, true))
		return
	}
	request.Body = l.killsHalfway(request.Body, request.ContentLength)
}

// receive looks at an answer on its way back.
func (l *Line) receive(response *http.Response) error {
	if response.Request.Context().Value(fatalKey{}) != nil {
		response.Body = l.killsHalfway(response.Body, response.ContentLength)
	}
	return nil
}

func (l *Line) killsHalfway(body io.ReadCloser, length int64) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(body, length/2), killer{l.registry}), body}
}

type killer struct{ *Registry }

func (k killer) Read([]byte) (int, error) {
	k.Kill()
	return 0, errKilled
}
