// Package browser opens the HTML page of `policy-host eval` in a real Chromium and uses it: by mouse, by keyboard and as
// a screen reader is told of it.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A pod with five findings, of which one is high.
const pod = `---
apiVersion: v1
kind: Pod
metadata:
  name: web-%d
  namespace: shop
spec:
  containers:
    - name: app
      image: app:1.0.0
      securityContext:
        privileged: true
    - name: side
      image: side:1.0.0
`

const pods = 1000

// A name that would run, were it not escaped.
const hostile = `apiVersion: v1
kind: Pod
metadata:
  name: "<img src=x onerror=window.hacked=1>"
spec:
  containers:
    - name: "</script><script>window.hacked=1</script>"
      image: app:1.0.0
`

// A browser window, and what went wrong in it.
type window struct {
	context.Context
	complaints *[]string
}

func open(t *testing.T, page string) window {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(os.Getenv("CHROMIUM")), chromedp.NoSandbox)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	window := window{ctx, &[]string{}}
	complain := func(format string, arguments ...any) {
		*window.complaints = append(*window.complaints, fmt.Sprintf(format, arguments...))
	}
	chromedp.ListenTarget(ctx, func(event any) {
		switch event := event.(type) {
		case *log.EventEntryAdded:
			complain("log: %s", event.Entry.Text)
		case *runtime.EventExceptionThrown:
			complain("exception: %s", event.ExceptionDetails.Error())
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(event.Request.URL, "file:") {
				complain("request: %s", event.Request.URL)
			}
		}
	})
	window.run(t, log.Enable(), network.Enable(), chromedp.Navigate("file://"+page))
	return window
}

func (w window) run(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(w, actions...); err != nil {
		t.Fatal(err)
	}
}

// What a script answers, as JSON.
func (w window) ask(t *testing.T, script string) string {
	t.Helper()
	var answer any
	w.run(t, chromedp.Evaluate(script, &answer, func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
		return p.WithAwaitPromise(true)
	}))
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (w window) expect(t *testing.T, script, want string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	got := w.ask(t, script)
	for got != want && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
		got = w.ask(t, script)
	}
	if got != want {
		t.Fatalf("%s is %s, expected %s", script, got, want)
	}
}

func (w window) isClean(t *testing.T) {
	t.Helper()
	for _, complaint := range *w.complaints {
		t.Error(complaint)
	}
}

// The page on some manifests.
func page(t *testing.T, files map[string]string) string {
	t.Helper()
	directory := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(os.Getenv("POLICY_HOST"), "eval", "--bundle", "pod-security-restricted", "--no-cache",
		"--fail-on", "never", "--report", "html=page.html", "--report", "json=results.json", ".")
	command.Dir = directory
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return filepath.Join(directory, "page.html")
}

func manyPods() string {
	var text strings.Builder
	for number := range pods {
		fmt.Fprintf(&text, pod, number)
	}
	return text.String()
}

const (
	// How many match, and how many of them are laid out.
	shown    = `parseInt(document.getElementById("count").textContent)`
	laidOut  = `document.querySelectorAll("#findings > li:not([hidden])").length`
	status   = `document.getElementById("count").textContent`
	showMore = `document.querySelector("main > button").click()`
)

func TestFiveThousandFindingsAreFiltered(t *testing.T) {
	window := open(t, page(t, map[string]string{"pods.yaml": manyPods(), "one.yaml": fmt.Sprintf(pod, 5000)}))
	window.expect(t, status, `"5005 of 5005 findings, the first 200 shown"`)
	window.expect(t, laidOut, "200")
	window.run(t, chromedp.Evaluate(showMore, nil))
	window.expect(t, laidOut, "400")

	// The driver would follow every change of every node, which takes it minutes; what is done is done by script.
	window.run(t, dom.Disable())
	choose := func(name, value string) {
		window.run(t, chromedp.Evaluate(fmt.Sprintf(`(() => { const field = document.getElementById(%q); field.value = %q;
			field.dispatchEvent(new Event("input", {bubbles: true})); })()`, name, value), nil))
	}
	showAll := func() { window.run(t, chromedp.Evaluate(`document.querySelector("button[type=reset]").click()`, nil)) }
	choose("severity", "high")
	window.expect(t, shown, "1001")
	choose("file", "one.yaml")
	window.expect(t, shown, "1")
	showAll()
	window.expect(t, shown, "5005")
	choose("pack", "pod-security-baseline")
	window.expect(t, shown, "1001")
	choose("factor", "XV Security")
	window.expect(t, shown, "1001")
	showAll()
	window.expect(t, shown, "5005")

	window.run(t, chromedp.Evaluate(`document.getElementById("text").focus()`, nil), chromedp.KeyEvent("WEB-7 seccomp"))
	window.expect(t, shown, "111")
	window.run(t, chromedp.KeyEvent(" nothing"))
	window.expect(t, status, `"0 of 5005 findings"`)
	window.expect(t, `document.getElementById("none").hidden`, "false")
	window.isClean(t)

	// For whoever reads this: no figure is a reason to fail.
	t.Logf("opened in %s ms, filtered in %s ms",
		window.ask(t, `Math.round(performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd)`),
		window.ask(t, `(() => { const form = document.getElementById("filter"); form.elements.text.value = "web-9";
			const list = document.getElementById("findings"); const start = performance.now();
			form.dispatchEvent(new Event("input")); return new Promise((done) => requestAnimationFrame(() => {
			void list.offsetHeight; done(Math.round(performance.now() - start)); })); })()`))
}

func TestTheKeyboardIsEnough(t *testing.T) {
	window := open(t, page(t, map[string]string{"pod.yaml": fmt.Sprintf(pod, 1)}))
	focused := `document.activeElement.className || document.activeElement.id || document.activeElement.type || document.activeElement.localName`
	for _, want := range []string{"skip", "text", "severity", "confidence", "pack", "factor", "file", "reset", "summary"} {
		window.run(t, chromedp.KeyEvent(kb.Tab))
		window.expect(t, focused, fmt.Sprintf("%q", want))
		if outline := window.ask(t, `getComputedStyle(document.activeElement).outlineStyle`); outline != `"solid"` {
			t.Errorf("the focus on %s cannot be seen: %s", want, outline)
		}
	}
	window.run(t, chromedp.KeyEvent(kb.Enter))
	window.expect(t, `document.querySelector("#findings details").open`, "true")
	window.expect(t, `document.querySelector("#findings mark").textContent`, `"true"`)
	// The link to what the rule says opens it.
	window.run(t, chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	window.expect(t, `document.getElementById("rule-pss-privileged").open`, "true")
	window.isClean(t)
}

func TestAScreenReaderIsTold(t *testing.T) {
	window := open(t, page(t, map[string]string{"pod.yaml": fmt.Sprintf(pod, 1)}))
	// Not the driver's own types, which do not know every property of a newer browser.
	type value struct {
		Value any `json:"value"`
	}
	var tree struct {
		Nodes []struct {
			Role value `json:"role"`
			Name value `json:"name"`
		} `json:"nodes"`
	}
	window.run(t, chromedp.ActionFunc(func(ctx context.Context) error {
		return cdp.Execute(ctx, "Accessibility.getFullAXTree", nil, &tree)
	}))
	told := map[string]bool{}
	for _, node := range tree.Nodes {
		told[fmt.Sprint(node.Role.Value)] = true
		told[fmt.Sprintf("%v: %v", node.Role.Value, node.Name.Value)] = true
	}
	for _, want := range []string{
		"banner", "main", "contentinfo", "status", "heading: policy-host", "heading: Findings",
		"search: Filter the findings", "searchbox: Text", "combobox: Severity", "combobox: Confidence", "combobox: Pack", "combobox: Factor",
		"combobox: File", "button: Show all", "list: Findings", "list: Summary", "region: Rules", "listitem",
	} {
		if !told[want] {
			t.Errorf("there is no %q", want)
		}
	}
	window.expect(t, `document.getElementById("count").getAttribute("aria-live")`, `"polite"`)
	window.expect(t, `document.documentElement.lang`, `"en"`)
	window.isClean(t)
}

// The contrast of two colours as the WCAG define it.
const contrast = `(() => {
	const light = (colour) => {
		const [r, g, b] = colour.match(/[\d.]+/g).map(Number).map((v) => v / 255)
			.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const ground = getComputedStyle(document.body).backgroundColor;
	const weak = [];
	for (const selector of ["body", ".quiet", "a:not(.skip)", ".place", ".critical", ".high", ".medium", ".low", ".info"]) {
		const element = document.querySelector(selector);
		const [one, other] = [light(getComputedStyle(element).color), light(ground)].sort((a, b) => b - a);
		const ratio = (one + 0.05) / (other + 0.05);
		if (ratio < 4.5) weak.push(selector + " " + ratio.toFixed(1));
	}
	return weak;
})()`

func TestLightAndDarkCanBeRead(t *testing.T) {
	window := open(t, page(t, map[string]string{"pod.yaml": fmt.Sprintf(pod, 1)}))
	var grounds []string
	for _, scheme := range []string{"light", "dark"} {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
		window.run(t, emulation.SetEmulatedMedia().WithFeatures(features))
		grounds = append(grounds, window.ask(t, `getComputedStyle(document.body).backgroundColor`))
		window.expect(t, contrast, "[]")
	}
	if grounds[0] == grounds[1] {
		t.Errorf("light and dark have the same ground, %s", grounds[0])
	}
	window.isClean(t)
}

func TestHostileNamesDoNotRun(t *testing.T) {
	path := page(t, map[string]string{"pod.yaml": hostile, `"><svg onload=window.hacked=1>.yaml`: fmt.Sprintf(pod, 1)})
	gaps := filepath.Join(filepath.Dir(path), "gaps.html")
	results := filepath.Join(filepath.Dir(path), "results.json")
	command := exec.Command(os.Getenv("POLICY_HOST"), "report", results, "--format", "html", "--output", gaps)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, path := range []string{path, gaps} {
		window := open(t, path)
		window.expect(t, `typeof window.hacked`, `"undefined"`)
		window.expect(t, `document.querySelectorAll("img, svg, iframe, object").length`, "0")
		window.expect(t, `document.body.textContent.includes("window.hacked=1")`, "true")
		window.isClean(t)
	}
}

func TestThePolicyStopsWhatWouldGetIn(t *testing.T) {
	window := open(t, page(t, map[string]string{"pod.yaml": fmt.Sprintf(pod, 1)}))
	window.run(t, chromedp.Evaluate(`const script = document.createElement("script"); script.textContent = "window.hacked = 1";
		document.body.append(script); const image = document.createElement("img");
		image.setAttribute("onerror", "window.hacked = 1"); image.src = "https://example.com/x.png"; document.body.append(image);`, nil))
	window.expect(t, `typeof window.hacked`, `"undefined"`)
	if len(*window.complaints) == 0 {
		t.Error("the browser did not complain")
	}
}
