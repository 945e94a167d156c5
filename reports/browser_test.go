package reports

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a page that Chromium shows. Whatever the page's console says of errors fails the test.
type tab struct {
	t    *testing.T
	ctx  context.Context //nolint:containedctx // chromedp keeps the tab in it
	file string
}

// patience is how long Chromium may take for one action.
const patience = time.Minute

// browser is a Chromium that runs.
type browser struct {
	ctx context.Context //nolint:containedctx // chromedp keeps the browser in it
}

// chromium starts the browser.
func chromium(t *testing.T) browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.WindowSize(1280, 900), chromedp.WSURLReadTimeout(patience))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // its sandbox refuses to serve root
	}
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(allocator)
	t.Cleanup(leave)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v\nhint: install it (on Debian: apt-get install chromium); make test does", err)
	}
	return browser{ctx}
}

// open shows the page of a report.
func (b browser) open(t *testing.T, r *Report) *tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, rendered(t, "html", r, Options{Rule: sentence, Source: source, About: aboutAll}), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, leave := chromedp.NewContext(b.ctx, chromedp.WithListener(func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page's script failed: %+v", e.ExceptionDetails)
		case *runtime.EventConsoleAPICalled:
			t.Errorf("the page's script wrote to the console: %s", e.Type)
		case *log.EventEntryAdded:
			t.Errorf("the console says: %s", e.Entry.Text)
		}
	}))
	t.Cleanup(leave)
	x := &tab{t, ctx, file}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatalf("listening to the console: %v", err)
	}
	x.visit("")
	return x
}

// visit opens the page anew with what stands after the "#" of a link.
func (x *tab) visit(hash string) {
	x.t.Helper()
	x.do(chromedp.Navigate("about:blank"), chromedp.Navigate("file://"+x.file+"#"+hash), chromedp.WaitReady(chromedp.CSS(`#filtered:not(:empty)`)))
}

func (x *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		x.t.Fatalf("steering the page: %v", err)
	}
}

// evaluated returns what an expression is worth in the page.
func evaluated[T any](x *tab, expression string) T {
	x.t.Helper()
	value, err := chromedp.Run(x.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		x.t.Fatalf("asking the page for %s: %v", expression, err)
	}
	return value
}

// becomes waits until an expression is true in the page.
func (x *tab) becomes(what, expression string) {
	x.t.Helper()
	if _, err := chromedp.Run(x.ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(patience/4))); err != nil {
		state := evaluated[string](x, `[location.hash, document.activeElement.outerHTML.slice(0, 200)].join(", focus at ")`)
		x.t.Fatalf("waiting until %s: %v; the page is at %s", what, err, state)
	}
}

// marks are the IDs of the cases that the matrix shows.
func (x *tab) marks() []string {
	x.t.Helper()
	return evaluated[[]string](x, `[...document.querySelectorAll("#panels .mark")].map((m) => m.title)`)
}

const title = `(document.querySelector("#sheet[open] #sheet-h")?.textContent ?? "")`

// thousands is a report of n cases over three links, with every verdict.
func thousands(n int) *Report {
	r := sample()
	r.Results, r.StaleDeviations, r.Inapplicable, r.Migration = nil, nil, nil, nil
	links := []string{"etcd", "felix-typha", "kube-apiserver"}
	for i := range n {
		id := fmt.Sprintf("%s/mode-%d/subject-%d/client=variant-%04d/server=good/tls1.%d", links[i%3], i/3%4, i/12%3, i/72, 2+i/36%2)
		x := refused(id, "validity")
		if i%500 == 7 {
			x = deviating(id)
		}
		if i%250 == 9 {
			x = deviating(id)
			x.KnownDeviation = "it is known to"
		}
		x.DurationMillis = int64(i * 7919 % 3001)
		r.Results = append(r.Results, x)
	}
	r.Conclude(r.IDs())
	return r
}

// query is what stands after the "#" of a link to the matrix with a filter.
func query(field, value string) string { return "matrix?" + url.Values{field: {value}}.Encode() }
