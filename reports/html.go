package reports

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

// The page: what it says without a script, how it looks, and what the script draws of the cases.
//
//go:embed html
var htmlFiles embed.FS

// htmlScripts are the parts of the page's script, in their order.
var htmlScripts = []string{"data.js", "words.js", "elements.js", "filter.js", "matrix.js", "ladder.js", "sheet.js", "main.js"}

var htmlPage = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"args": func(all ...any) []any { return all }, "count": count, "percent": percent, "took": took, "capital": capital,
}).ParseFS(htmlFiles, "html/page.html"))

// About is what a case is about, in sentences.
type About struct {
	Mode    string `json:"mode"`
	Setting string `json:"setting,omitempty"`
	Token   string `json:"token,omitempty"`
	Conduct string `json:"conduct,omitempty"`
	// Client and Server are the ends.
	Client End `json:"-"`
	Server End `json:"-"`
	// Twin is the ID of the case that must be accepted and differs in one attribute; "" if there is none.
	Twin string `json:"twin,omitempty"`
	// ByHand are the commands that make the same connection without the suite; "" if there are none.
	ByHand string `json:"byHand,omitempty"`
}

// End is one end of a case.
type End struct {
	// Component is the program that plays it.
	Component string `json:"component"`
	// Variant names the credential and says how it differs from the good one, Shows what is in it, a line each.
	Variant string   `json:"variant"`
	Shows   []string `json:"shows,omitempty"`
	// Requires says what the end asks of its peer.
	Requires string `json:"requires"`
}

// renderHTML writes one file that shows everything there is to a report, in any browser and without a network.
func renderHTML(w io.Writer, r *Report, o Options) error {
	t, err := r.ready()
	if err != nil {
		return err
	}
	script, style, err := htmlAssets()
	if err != nil {
		return err
	}
	view := &htmlView{
		Report: t, o: o, Script: template.JS(script), Style: template.CSS(style), //nolint:gosec // both are files of ours
		ScriptHash: sourceHash(script), StyleHash: sourceHash(style),
	}
	var b bytes.Buffer
	if err := htmlPage.Execute(&b, view); err != nil {
		return fmt.Errorf("rendering HTML: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing HTML: %w", err)
	}
	return nil
}

func htmlAssets() (script, style string, err error) {
	var all strings.Builder
	for _, name := range append(slices.Clone(htmlScripts), "page.css") {
		text, err := htmlFiles.ReadFile("html/" + name)
		if err != nil {
			return "", "", fmt.Errorf("reading the page's files: %w", err)
		}
		if name == "page.css" {
			return all.String(), string(text), nil
		}
		all.Write(text)
	}
	return "", "", nil
}

// sourceHash is the only inline text that the page's policy allows (CSP Level 3, section 2.3.1).
func sourceHash(text string) template.HTMLAttr {
	hash := sha256.Sum256([]byte(text))
	return template.HTMLAttr("'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'") //nolint:gosec // a hash is plain
}
