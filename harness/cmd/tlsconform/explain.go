package main

import (
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
	"github.com/calico-tls/conformance/reports"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CASE]",
		Short: "say what a case is about: its certificates, what must happen, why, and how to see it by hand",
		Long: `Say what a case is about: its certificates, what must happen, why, and how to see it by hand. Without a case, say how the
suite judges: its words, verdicts and exit codes.`,
		Example: `  tlsconform explain
  tlsconform explain felix-typha/cn/typha/client=expired/server=good/tls1.3`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := io.WriteString(cmd.OutOrStdout(), model)
				return err
			}
			c, err := caseNamed(args[0])
			if err != nil {
				return err
			}
			return explain(cmd.OutOrStdout(), c)
		},
	}
}

// page is what explain says of a case.
type page struct {
	ID, Profile, Mode, Setting, Token, Conduct, Wanted, Twin, ByHand string

	Ends  []end
	Rules []fixtures.Rule
}

type end struct {
	Side, Component, Variant, Requires string
	Subject                            bool
	Shows                              []string
}

var explanation = template.Must(template.New("explain").Parse(`{{.ID}}

mode {{.Mode}}
{{- with .Setting}}
setting {{.}}{{end}}
{{- with .Token}}
token {{.}}{{end}}
{{- with .Conduct}}
conduct {{.}}{{end}}
{{range .Ends}}
{{.Side}} {{.Component}}{{if .Subject}}, which is judged{{end}}
  shows {{.Variant}}
{{- range .Shows}}
    {{.}}{{end}}
  requires {{.Requires}}
{{end}}
wanted: {{.Wanted}}
{{- range .Rules}}
  {{.ID}} ({{.Level}}) {{.Text}}{{end}}
{{with .Twin}}
twin, which must be accepted:
  {{.}}
{{end}}
run it:
  tlsconform run{{with .Profile}} --profile {{.}}{{end}} --select '{{.ID}}'
{{with .ByHand}}
by hand, in a folder with its files:
  {{.}}
{{end}}`))

func explain(w io.Writer, c matrix.Case) error {
	p, err := pageOf(c)
	if err != nil {
		return err
	}
	return explanation.Execute(w, p)
}

// about returns what a case is about, for reports; ok is false for one that this suite doesn't know.
func about(id string) (a reports.About, ok bool) {
	c, err := matrix.Parse(id)
	if err != nil {
		return reports.About{}, false
	}
	if _, ok := harness.LinkNamed(c.Link); !ok {
		return reports.About{}, false
	}
	p, err := pageOf(c)
	if err != nil {
		return reports.About{}, false
	}
	return reports.About{
		Mode: p.Mode, Setting: p.Setting, Token: p.Token, Conduct: p.Conduct, Twin: p.Twin, ByHand: p.ByHand,
		Client: p.Ends[0].published(), Server: p.Ends[1].published(),
	}, true
}

func (e end) published() reports.End {
	return reports.End{Component: e.Component, Variant: e.Variant, Shows: e.Shows, Requires: e.Requires}
}

func pageOf(c matrix.Case) (page, error) {
	l, _ := harness.LinkNamed(c.Link)
	e, err := oracle.Predict(l.Link, c)
	if err != nil {
		return page{}, err
	}
	mode, _ := l.Mode(c.Mode)
	p := page{ID: c.ID(), Mode: mode.Name + ": " + mode.Text, Wanted: e.Wanted(), ByHand: byHand(l.Link, c), Profile: matrix.Profile(l.Link, c)}
	if s, ok := l.Setting(c.Setting, c.Mode, c.Subject); ok {
		p.Setting = s.Name + ": " + s.Text
	}
	if v, ok := pki.TokenVariantNamed(c.Token); ok {
		p.Token = v.Name + ": " + v.Text
	}
	if d, ok := l.Conduct(c.Conduct); ok {
		p.Conduct = d.Name + ": the " + string(d.Side) + " " + d.Text
	}
	if e.Twin != nil {
		p.Twin = e.Twin.ID()
	}
	for _, id := range e.Rules {
		rule, err := fixtures.RuleNamed(id)
		if err != nil {
			return page{}, err
		}
		if e.Level == string(fixtures.Should) && rule.Should != "" {
			rule.Level, rule.Text = fixtures.Should, rule.Should
		}
		p.Rules = append(p.Rules, rule)
	}
	client, server, err := oracle.Verifiers(l.Link, c)
	if err != nil {
		return page{}, err
	}
	for side, requires := range map[handshake.Side]link.Verifier{handshake.Client: client, handshake.Server: server} {
		p.Ends = append(p.Ends, endOf(l.Link, c, side, requires))
	}
	if p.Ends[0].Side != string(handshake.Client) {
		p.Ends[0], p.Ends[1] = p.Ends[1], p.Ends[0]
	}
	return p, nil
}

func endOf(l link.Link, c matrix.Case, side handshake.Side, requires link.Verifier) end {
	name := c.Client
	if side == handshake.Server {
		name = c.Server
	}
	v, _ := pki.VariantNamed(name)
	component := l.End(side).Component
	if played, _ := l.Side(c.Subject); played == side {
		component = c.Subject
	}
	e := end{Side: string(side), Component: component, Subject: component == c.Subject || c.Subject == l.Both(), Variant: name + ": " + v.Text, Requires: requirement(requires)}
	if c.Version == link.Clear {
		e.Variant = "nothing: it speaks plaintext"
		if e.Subject && !requires.Plaintext() {
			e.Variant = "nothing: its peer speaks plaintext"
		}
		return e
	}
	e.Shows = pki.Describe(oracle.Credential(l, side, v))
	return e
}

// requirement says what an end asks of its peer.
func requirement(v link.Verifier) string {
	if v.Plaintext() {
		return "nothing: it speaks plaintext"
	}
	var names []string
	if v.CN != "" {
		names = append(names, fmt.Sprintf("the Common Name %q", v.CN))
	}
	if v.URISAN != "" {
		names = append(names, fmt.Sprintf("the URI SAN %q", v.URISAN))
	}
	trust := make([]string, len(v.Trust))
	for i, name := range v.Trust {
		trust[i] = string(name)
	}
	if len(trust) == 0 {
		return "no certificate"
	}
	text := "a chain to " + strings.Join(trust, ", ")
	if len(names) > 0 {
		text += ", and " + strings.Join(names, " or ")
	}
	if v.Host != "" {
		text += fmt.Sprintf(", and a SAN for %q, which it has dialled", v.Host)
	}
	if v.X509SVID {
		text += ", in an X509-SVID to the letter"
	}
	return text
}

// byHand is the command that makes the same connection with OpenSSL.
func byHand(l link.Link, c matrix.Case) string {
	flags := map[link.Version]string{link.TLS10: "-tls1", link.TLS11: "-tls1_1", link.TLS12: "-tls1_2", link.TLS13: "-tls1_3"}
	flag, ok := flags[c.Version]
	if !ok {
		return ""
	}
	files := fmt.Sprintf("tlsconform pki '%s' --out .\n  ", c.ID())
	side, _ := l.Side(c.Subject)
	if side == handshake.Client {
		return files + fmt.Sprintf("openssl s_server -accept 5473 -cert server.crt -key server.key -cert_chain server.crt -CAfile server-trust.crt -Verify 3 %s", flag)
	}
	show := "-cert client.crt -key client.key -cert_chain client.crt"
	if c.Client == "none" {
		show = ""
	}
	return files + strings.Join(strings.Fields(fmt.Sprintf("openssl s_client -connect HOST:5473 %s -CAfile client-trust.crt %s", show, flag)), " ")
}
