package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is one program under test. Its output goes to a log file of its own.
type Process struct {
	Name string

	log  string
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts a program, whose output is appended to NAME.log in the directory of logs.
func (d Dirs) Start(name string, env []string, binary string, args ...string) (*Process, error) {
	logFile := filepath.Join(d.Logs, name+".log")
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	fmt.Fprintf(log, "--- %s %s\n", binary, strings.Join(args, " "))

	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = endsWithUs()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{Name: name, log: logFile, cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// endsWithUs has the kernel end a process with the test program, however that ends; and a Ctrl-C at the
// terminal reaches the test program alone.
func endsWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// Terminate sends SIGTERM and waits; what has not stopped after the grace period is killed.
func (p *Process) Terminate(grace time.Duration) (stopped bool) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return true
	case <-time.After(grace):
		p.Kill()
		return false
	}
}

// Kill sends SIGKILL and waits.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Ended is true when it runs no more.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// ExitCode is -1 while it runs and when a signal ended it.
func (p *Process) ExitCode() int {
	if !p.Ended() {
		return -1
	}
	return p.cmd.ProcessState.ExitCode()
}

// Log is everything that the program has written, over all its starts.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Tail is the end of the log, for people.
func (p *Process) Tail() string {
	const lines, characters = 20, 300
	all := strings.Split(strings.TrimRight(p.Log(), "\n"), "\n")
	all = all[max(0, len(all)-lines):]
	for i, line := range all {
		if len(line) > characters {
			all[i] = line[:characters] + "…"
		}
	}
	return fmt.Sprintf("--- last lines of %s\n%s\n---", p.log, strings.Join(all, "\n"))
}

// ready polls until the address answers 200; it gives up when the program has ended.
func (p *Process) ready(ctx context.Context, client *http.Client, url string) error {
	err := Eventually(ctx, p.Name+" to be ready", func(ctx context.Context) error {
		if p.Ended() {
			return Permanent(errors.New("it has ended"))
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, response.Status)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, p.Tail())
	}
	return nil
}

type permanent struct{ error }

// Permanent marks an error that waiting cannot cure.
func Permanent(err error) error { return permanent{err} }

// patience is how long anything may take to come about on a slow machine.
const patience = time.Minute

// Eventually polls until the check passes, and when it has lost patience, returns the check's last error.
func Eventually(ctx context.Context, what string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	started := time.Now()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		// An error of the deadline itself says less than the one before it.
		if last == nil || ctx.Err() == nil {
			last = err
		}
		if errors.As(err, &permanent{}) {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w", time.Since(started).Round(time.Second), what, last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

var (
	portsLock sync.Mutex
	ports     = map[int]bool{}
)

// FreePort finds a loopback port that is free and that it has not given out before.
func FreePort() (int, error) {
	portsLock.Lock()
	defer portsLock.Unlock()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := listener.Addr().(*net.TCPAddr).Port
		listener.Close()
		if !ports[port] {
			ports[port] = true
			return port, nil
		}
	}
}

func freePorts(count int) ([]int, error) {
	var found []int
	for range count {
		port, err := FreePort()
		if err != nil {
			return nil, err
		}
		found = append(found, port)
	}
	return found, nil
}
