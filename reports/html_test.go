package reports

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// hostile is a report whose words try to leave their place in the page.
func hostile() *Report {
	r := sample()
	for i, x := range attacks {
		c := &r.Results[i%len(r.Results)]
		c.Why, c.Client.Error, c.Server.Log = x, x, []string{x}
		r.Target.Name = x
	}
	r.Results[3].KnownDeviation = strings.Join(attacks, " ")
	r.Conclude(r.IDs())
	return r
}

var attacks = []string{
	`</script><script>alert(1)</script>`, `<!--<script>`, `--></style><img src=x onerror=alert(1)>`, `"><svg onload=alert(1)>`,
	"\u2028\u2029', ${alert(1)}`", `javascript:alert(1)`, `]]>&lt;b&gt;`,
}

func aboutAll(id string) (About, bool) {
	end := End{Component: "typha", Variant: "expired: it has expired", Shows: []string{"leaf: CN \"typha-client\""}, Requires: "a chain"}
	return About{Mode: "cn: each end requires a name", Twin: strings.Replace(id, "expired", "good", 1), Client: end, Server: end}, true
}

func parsedPage(t *testing.T, r *Report, o Options) *html.Node {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(rendered(t, "html", r, o)))
	if err != nil {
		t.Fatalf("parsing the page: %v", err)
	}
	return doc
}

// each calls visit for every element of a name.
func each(doc *html.Node, name string, visit func(*html.Node)) {
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && (name == "" || n.Data == name) {
			visit(n)
		}
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func TestPageHoldsTheReport(t *testing.T) {
	for _, r := range []*Report{sample(), hostile(), empty(), clean()} {
		doc := parsedPage(t, r, Options{Rule: sentence, About: aboutAll})
		var d htmlData
		each(doc, "script", func(n *html.Node) {
			if attribute(n, "id") != "data" {
				return
			}
			if err := json.Unmarshal([]byte(n.FirstChild.Data), &d); err != nil {
				t.Fatalf("reading the page's data: %v", err)
			}
		})
		if len(d.Results) != len(r.Results) {
			t.Fatalf("found %d cases in the page, wanted %d", len(d.Results), len(r.Results))
		}
		for i, c := range d.Results {
			want, got := encoded(r.Results[i]), encoded(c.Result)
			if want != got {
				t.Errorf("found in the page\n%s\nwanted\n%s", got, want)
			}
			for _, rule := range c.Rules {
				if d.Rules[rule][c.Level] != sentence(rule, c.Level) {
					t.Errorf("%s: found %q in the page, wanted its sentence", rule, d.Rules[rule][c.Level])
				}
			}
		}
	}
}

func encoded(r Result) string {
	text, _ := json.Marshal(r) //nolint:errchkjson // it holds plain types
	return string(text)
}

// Words of components and vendors stay words: the page has as many elements as one of harmless words, whatever they say.
func TestPageEscapesEverything(t *testing.T) {
	count := func(r *Report) map[string]int {
		found := map[string]int{}
		each(parsedPage(t, r, Options{Rule: sentence, About: aboutAll}), "", func(n *html.Node) {
			found[n.Data]++
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Val, "javascript:") {
					t.Errorf("found the attribute %s=%q", a.Key, a.Val)
				}
			}
		})
		return found
	}
	for _, name := range []string{"script", "style", "img", "svg", "b"} {
		want := map[string]int{"script": 2, "style": 1}[name]
		if got := count(hostile())[name]; got != want {
			t.Errorf("found %d %s elements, wanted %d", got, name, want)
		}
	}
}

// The page loads nothing, and runs nothing but its own script: its policy names that by its hash.
func TestPageNeedsNoNetwork(t *testing.T) {
	doc := parsedPage(t, sample(), Options{})
	each(doc, "", func(n *html.Node) {
		if src := attribute(n, "src"); src != "" {
			t.Errorf("found %s that loads %q", n.Data, src)
		}
		if href := attribute(n, "href"); href != "" && !strings.HasPrefix(href, "#") && href != "data:," {
			t.Errorf("found %s that leads to %q", n.Data, href)
		}
	})
	var policy string
	each(doc, "meta", func(n *html.Node) {
		if attribute(n, "http-equiv") == "Content-Security-Policy" {
			policy = attribute(n, "content")
		}
	})
	for _, part := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-"} {
		if !strings.Contains(policy, part) {
			t.Errorf("found the policy %q, wanted it to say %s", policy, part)
		}
	}
	if leaving := regexp.MustCompile(`https?://|@import|fetch\(|XMLHttpRequest|innerHTML`).FindString(pageSource(t)); leaving != "" {
		t.Errorf("found %q in the page's own files", leaving)
	}
}

func pageSource(t *testing.T) string {
	t.Helper()
	script, style, err := htmlAssets()
	if err != nil {
		t.Fatal(err)
	}
	return script + style
}

// What the page says without its script: the claim, the counts, each finding with its command, the reasons on record.
func TestPageTellsTheSummary(t *testing.T) {
	r := sample()
	text := string(rendered(t, "html", r, Options{Rule: sentence}))
	for _, want := range []string{string(r.Claim), "calico-v3.31.0", "87.5 %", "50.0 %", "accepts RSA keys of 1024 bits", "stale deviation", "Needs an authority of our own."} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	var cards int
	each(parsedPage(t, r, Options{Rule: sentence}), "", func(n *html.Node) {
		if strings.HasPrefix(attribute(n, "class"), "card ") {
			cards++
		}
	})
	if want := len(findings(r, Options{})) + len(r.StaleDeviations); cards != want {
		t.Errorf("found %d cards, wanted %d: one for each finding and each stale deviation", cards, want)
	}
}
