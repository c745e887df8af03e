package e2e

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"policy-host/tests/e2e/harness"
)

// However policy-host ends while objects keep coming, none that is bad gets in, and when it is back
// those that are good do.
func TestStopsUnderLoad(t *testing.T) {
	host := policyHost(t)
	installWebhooks(t, host, "load")
	namespace := withSurroundings(t, "load", "load")
	bad, good := fixture(t, namespace, "bad.yaml"), fixture(t, namespace, "good.yaml")
	// This one is bad only by what does not stand beside it, which a server that has just started may
	// not know yet.
	lonely := renamed(good, "lonely")
	check(t, unstructured.SetNestedField(lonely.Object, "lonely", "spec", "selector", "matchLabels", "app"))
	check(t, unstructured.SetNestedField(lonely.Object, "lonely", "spec", "template", "metadata", "labels", "app"))
	eventuallyRefused(t, bad, "pss-privileged")
	expectRefused(t, lonely, "pdb-required")

	for name, end := range map[string]func(*testing.T){
		"SIGTERM": func(t *testing.T) {
			if !host.Terminate(30 * time.Second) {
				t.Error("it did not stop within 30 seconds of SIGTERM")
			} else if code := host.ExitCode(); code != 0 {
				t.Errorf("it exited with %d at SIGTERM", code)
			}
		},
		"SIGKILL": func(*testing.T) { host.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			load := startLoad(t.Context(), good, bad, lonely)
			check(t, load.seen(t.Context(), &load.admitted, "admissions before it ends"))
			end(t)
			check(t, load.seen(t.Context(), &load.failed, "refusals while it is down"))
			check(t, host.Restart(t.Context()))
			check(t, load.seen(t.Context(), &load.admitted, "admissions when it is back"))
			load.stop()
			if admitted := load.wrong.Load(); admitted > 0 {
				t.Errorf("%d bad objects were admitted", admitted)
			}
			t.Logf("good: %d admitted, %d refused; bad: %d refused", load.admitted.Load(), load.failed.Load(),
				load.denied.Load())
		})
	}
}

// load creates bad and good objects, until it is stopped.
type load struct {
	// Good objects that were admitted, and that were not.
	admitted, failed atomic.Int64
	// Bad objects that were admitted, and that were not.
	wrong, denied atomic.Int64

	stop func()
}

func startLoad(ctx context.Context, good *harness.Object, bad ...*harness.Object) *load {
	const callers = 4
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	l := &load{stop: func() {
		cancel()
		running.Wait()
	}}
	for caller := range callers {
		running.Go(func() {
			for number := 0; ctx.Err() == nil; number++ {
				object, admitted, refused := good, &l.admitted, &l.failed
				if turn := number % (len(bad) + 1); turn > 0 {
					object, admitted, refused = bad[turn-1], &l.wrong, &l.denied
				}
				object = renamed(object, fmt.Sprintf("%s-%d-%d", object.GetName(), caller, number))
				err := cluster.Create(ctx, object, client.DryRunAll)
				switch {
				case err == nil:
					admitted.Add(1)
				case ctx.Err() == nil:
					refused.Add(1)
				}
			}
		})
	}
	return l
}

// seen waits until a count has grown by some.
func (l *load) seen(ctx context.Context, count *atomic.Int64, what string) error {
	enough := count.Load() + 20
	return harness.Eventually(ctx, what, func(context.Context) error {
		if count.Load() < enough {
			return fmt.Errorf("good: %d admitted, %d refused", l.admitted.Load(), l.failed.Load())
		}
		return nil
	})
}
