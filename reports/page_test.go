package reports

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// filters are what the page's form can ask, with what it means.
var filters = []struct {
	field, value string
	matches      func(Result) bool
}{
	{"text", "client=expired tls1.3", func(r Result) bool { return strings.Contains(r.ID, "client=expired/server=good/tls1.3") }},
	{"text", "/uri-san/", func(r Result) bool { return r.Mode == "uri-san" }},
	{"text", "exit code 137", func(r Result) bool { return r.Outcome == Broken }},
	{"text", "nothing is like that", func(Result) bool { return false }},
	{"outcome", "fails", func(r Result) bool { return r.fails(Gate{}) }},
	{"outcome", "known", func(r Result) bool { return r.KnownDeviation != "" }},
	{"outcome", "warns", func(r Result) bool { return r.Outcome == Deviates && r.Level == Should }},
	{"outcome", "skipped", func(r Result) bool { return r.Outcome == Skipped }},
	{"rule", "IDENT-16", func(r Result) bool { return slices.Contains(r.Rules, "IDENT-16") }},
	{"level", "OBS", func(r Result) bool { return r.Level == Obs }},
}

func TestPageInABrowser(t *testing.T) {
	b := chromium(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, browser)
	}{
		{"filters", filtersWork},
		{"links", linksWork},
		{"keyboard", keyboardWorks},
		{"hostile words", hostileWordsAreShown},
		{"accessible", pageIsAccessible},
		{"five thousand cases", thousandsOpen},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, b) })
	}
}

func filtersWork(t *testing.T, b browser) {
	x := b.open(t, sample())
	for _, f := range filters {
		var want []string
		for _, r := range sample().Results {
			if f.matches(r) {
				want = append(want, r.ID)
			}
		}
		x.do(chromedp.Click(chromedp.CSS(`#filter [type=reset]`)), chromedp.SetValue(chromedp.CSS(`#filter-`+f.field), f.value),
			chromedp.Evaluate[chromedp.Void](`document.getElementById("filter-`+f.field+`").dispatchEvent(new Event("input", { bubbles: true }))`))
		got := x.marks()
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
			t.Errorf("%s %q shows other cases (-want +got):\n%s", f.field, f.value, diff)
		}
		x.visit(query(f.field, f.value))
		if again := x.marks(); len(again) != len(want) {
			t.Errorf("the link %s shows %d cases, wanted %d", query(f.field, f.value), len(again), len(want))
		}
	}
}

func linksWork(t *testing.T, b browser) {
	r := sample()
	x := b.open(t, r)
	for _, c := range r.Results {
		x.visit(c.ID)
		if got := evaluated[string](x, title); got != c.ID {
			t.Errorf("the link to %s opens %q", c.ID, got)
		}
		text := evaluated[string](x, `document.getElementById("sheet").innerText`)
		wants := append([]string{c.Why, c.Client.Error, c.Server.Error, r.command(c.ID, Options{}), c.Client.AlertReceived, c.KnownDeviation}, c.Rules...)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("the page of %s does not say %q:\n%s", c.ID, want, text)
			}
		}
		for _, rule := range c.Rules {
			if !strings.Contains(text, sentence(rule, c.Level)) {
				t.Errorf("the page of %s does not say what %s asks", c.ID, rule)
			}
		}
		stop := evaluated[string](x, `[...document.querySelectorAll("#sheet .ladder .stop")].map((e) => e.className + ": " + e.innerText).join()`)
		if o := c.Observed; o.Outcome == "refuse" && !strings.Contains(stop, "at "+o.By+" stop") || o.Outcome == "accept" && stop != "" {
			t.Errorf("the ladder of %s stops at %q, wanted it to show %s", c.ID, stop, o.words())
		}
	}
	x.visit("IDENT-16")
	if got := evaluated[string](x, title); got != "IDENT-16" {
		t.Errorf("the link to IDENT-16 opens %q", got)
	}
	text := evaluated[string](x, `document.getElementById("sheet").innerText`)
	if want := "from " + strings.Join(source("IDENT-16"), "; "); !strings.Contains(text, want) {
		t.Errorf("the page of IDENT-16 does not say %q:\n%s", want, text)
	}
	broken := evaluated[[]string](x, `[...document.querySelectorAll("main a[href^='#'], nav a")].map((a) => decodeURIComponent(a.hash.slice(1).split("?")[0]))
		.filter((to) => !document.getElementById(to) && !JSON.parse(document.getElementById("data").textContent).results.some((c) => c.id === to || c.rules.includes(to)))`)
	if len(broken) > 0 {
		t.Errorf("links lead nowhere: %q", broken)
	}
}

func keyboardWorks(t *testing.T, b browser) {
	x := b.open(t, sample())
	focused := func() string {
		return evaluated[string](x, `document.activeElement.id || document.activeElement.title`)
	}
	x.do(chromedp.KeyEvent("/"))
	if got := focused(); got != "filter-text" {
		t.Errorf("/ focuses %q, wanted the search", got)
	}
	x.do(chromedp.KeyEvent("client=good"))
	x.becomes("the search has its effect", `document.getElementById("filtered").textContent.includes(" of ")`)
	shown := x.marks()
	x.do(chromedp.Focus(chromedp.CSS(`#panels .mark`)), chromedp.KeyEvent(kb.ArrowRight))
	if got := focused(); got != shown[1] {
		t.Errorf("right from %s leads to %q, wanted %s", shown[0], got, shown[1])
	}
	x.do(chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.Enter))
	x.becomes("Enter opens the case", title+` !== ""`)
	first := evaluated[string](x, title)
	x.do(chromedp.KeyEvent("j"))
	x.becomes("j opens the next case", title+` !== `+"`"+first+"`")
	x.do(chromedp.KeyEvent("k"))
	x.becomes("k opens the case before", title+` === `+"`"+first+"`")
	x.do(chromedp.KeyEvent("j"))
	x.becomes("j opens the next case again", title+` !== `+"`"+first+"`")
	last := evaluated[string](x, title)
	x.do(chromedp.KeyEvent(kb.Escape))
	x.becomes("Escape closes the case", `!document.getElementById("sheet").open && location.hash.startsWith("#matrix")`)
	if got := focused(); got != last {
		t.Errorf("Escape leaves the focus at %q, wanted it at %s, which was open", got, last)
	}
	x.visit("")
	x.do(chromedp.Focus(chromedp.CSS(`#panels .mark[title="felix-typha/cn/typha/client=good/server=good/tls1.3"]`)), chromedp.KeyEvent(kb.ArrowDown))
	if got, want := focused(), "felix-typha/cn/typha/client=cn-other/server=good/tls1.3"; got != want {
		t.Errorf("down from the good client leads to %q, wanted %s in the row below", got, want)
	}
}

func hostileWordsAreShown(t *testing.T, b browser) {
	r := hostile()
	x := b.open(t, r)
	for _, c := range r.Results {
		if !slices.Contains(attacks, c.Why) {
			continue
		}
		x.visit(c.ID)
		if got := evaluated[string](x, `document.querySelector("#sheet .server .log").textContent`); got != c.Why {
			t.Errorf("the log of %s reads %q, wanted %q", c.ID, got, c.Why)
		}
		if n := evaluated[int](x, `document.querySelectorAll("script, img, svg").length`); n != 2 {
			t.Errorf("%s: found %d scripts and images, wanted the page's own 2", c.ID, n)
		}
	}
}

// named are the roles that must have a name (WAI-ARIA 1.2, "Accessible Name Required").
var named = []string{
	"button", "checkbox", "combobox", "dialog", "heading", "img", "link", "listbox", "meter", "option", "region", "searchbox",
	"tab", "table", "textbox", "DisclosureTriangle",
}

func pageIsAccessible(t *testing.T, b browser) {
	x := b.open(t, sample())
	for _, hash := range []string{"", "matrix?text=good", sample().Results[3].ID, "IDENT-47"} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 390} {
				x.looks(scheme, width)
				x.visit(hash)
				for _, problem := range append(evaluated[[]string](x, flaws), x.unnamed()...) {
					t.Errorf("#%s, %s, %d px: %s", hash, scheme, width, problem)
				}
			}
		}
	}
}

// unnamed lists what the accessibility tree holds of controls and landmarks without a name.
func (x *tab) unnamed() (found []string) {
	x.t.Helper()
	tree, err := chromedp.Call(x.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		x.t.Fatalf("reading the accessibility tree: %v", err)
	}
	var controls int
	for _, n := range tree.Nodes {
		if n.Ignored || !slices.Contains(named, word(n.Role)) {
			continue
		}
		controls++
		if word(n.Name) == "" {
			found = append(found, "nameless "+word(n.Role))
		}
	}
	if controls < 3 {
		found = append(found, "the accessibility tree is all but empty")
	}
	return found
}

// word is what a value of the accessibility tree says.
func word(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	return strings.Trim(string(v.Value), `" `)
}

// looks sets the colour scheme that the reader prefers, and the width of the window.
func (x *tab) looks(scheme string, width int64) {
	x.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := chromedp.Call(x.ctx, emulation.SetEmulatedMedia, media); err != nil {
		x.t.Fatalf("setting the colour scheme: %v", err)
	}
	x.do(chromedp.EmulateViewport(width, 900))
}

// flaws lists what else a reader may stumble over: WCAG 2.2, success criteria 1.4.3 (contrast), 1.4.10 (reflow), 1.3.1
// (headings in order, tables with headers) and, as a name rests on it, IDs that are used twice.
const flaws = `(() => {
	const found = [];
	const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
	const rgba = (colour) => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = colour;
		canvas.fillRect(0, 0, 1, 1);
		return [...canvas.getImageData(0, 0, 1, 1).data];
	};
	const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const ground = (e) => {
		for (; e; e = e.parentElement) {
			const back = rgba(getComputedStyle(e).backgroundColor);
			if (back[3] === 255) return back;
		}
		return [255, 255, 255];
	};
	const texts = document.createTreeWalker(document.querySelector("dialog[open]") ?? document.body, NodeFilter.SHOW_TEXT);
	let seen = 0;
	for (let n = texts.nextNode(); n; n = texts.nextNode()) {
		const e = n.parentElement;
		if (!n.data.trim() || e.closest("script, style, noscript, .unseen, .skip") || !e.checkVisibility()) continue;
		const [a, b] = [luminance(rgba(getComputedStyle(e).color)), luminance(ground(e))].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		seen++;
		if (ratio < 4.5) found.push("contrast " + ratio.toFixed(2) + " of " + n.data.trim().slice(0, 40));
	}
	if (seen < 10) found.push("all but nothing to read");
	if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the window: " + document.documentElement.scrollWidth);
	const sheet = document.querySelector("dialog[open]");
	if (sheet && sheet.scrollWidth > sheet.clientWidth) found.push("a sheet wider than itself: " + sheet.scrollWidth);
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) found.push("used twice: the ID " + id);
	let level = 0;
	for (const e of document.querySelectorAll("body > :not(dialog) :is(h1, h2, h3)")) {
		if (+e.tagName[1] > level + 1) found.push("a heading skips a level: " + e.textContent);
		level = +e.tagName[1];
	}
	for (const e of document.querySelectorAll("table")) if (!e.querySelector("thead th[scope=col]") || !e.querySelector("th[scope=row]")) found.push("a table without headers");
	for (const e of document.querySelectorAll("dl")) if ([...e.children].some((c) => !/^D[TD]$/.test(c.tagName)) || [...e.querySelectorAll(":scope > dt")].some((c) => !c.textContent)) found.push("a list of facts without terms: " + e.textContent.slice(0, 40));
	return found;
})()`

// The page of 5,000 cases opens and answers; how long it took is logged.
func thousandsOpen(t *testing.T, b browser) {
	const n = 5000
	begun := time.Now()
	x := b.open(t, thousands(n))
	if got := len(x.marks()); got != n {
		t.Errorf("found %d cases in the matrix, wanted %d", got, n)
	}
	opening := evaluated[float64](x, `performance.getEntriesByType("navigation")[0].loadEventEnd`)
	x.visit(query("outcome", "known"))
	if got := len(x.marks()); got != n/250 {
		t.Errorf("found %d known deviations, wanted %d", got, n/250)
	}
	t.Logf("rendered, opened and filtered in %s; the page loads in %.0f ms", time.Since(begun).Round(time.Millisecond), opening)
}
