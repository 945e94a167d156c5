package reports

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// moved is a result of which nothing but what was seen, and the verdict, matters.
func moved(outcome Verdict, observed Behaviour) Result {
	r := refused("felix-typha/cn/typha/client=expired/server=good/tls1.3", "validity")
	r.Outcome, r.Observed = outcome, observed
	return r
}

func TestMove(t *testing.T) {
	var (
		accept    = Behaviour{Outcome: "accept", Identity: "typha-client"}
		another   = Behaviour{Outcome: "accept", Identity: "somebody-else"}
		nobody    = Behaviour{Outcome: "accept"}
		refuse    = Behaviour{Outcome: "refuse", By: "server", Check: "validity"}
		byClient  = Behaviour{Outcome: "refuse", By: "client", Check: "validity"}
		unstarted = Behaviour{Outcome: "not-started"}
		clear     = Behaviour{Outcome: "plaintext"}
		untold    = Behaviour{}
	)
	for _, c := range []struct {
		name     string
		was, is  Result
		movement Movement
	}{
		{"nothing", moved(Conforms, refuse), moved(Conforms, refuse), ""},
		{"a refusal became an acceptance", moved(Conforms, refuse), moved(Deviates, accept), Loosened},
		{"a start refused became an acceptance", moved(Conforms, unstarted), moved(Deviates, accept), Loosened},
		{"a start refused became plaintext", moved(Conforms, unstarted), moved(Deviates, clear), Loosened},
		{"a refusal became plaintext", moved(Conforms, refuse), moved(Deviates, clear), Loosened},
		{"an acceptance became plaintext", moved(Conforms, accept), moved(Deviates, clear), Loosened},
		{"plaintext appeared where nothing could be told", moved(Unproven, untold), moved(Deviates, clear), Loosened},
		{"an acceptance as required is one", moved(Deviates, refuse), moved(Conforms, accept), Loosened},
		{"an acceptance that is not proven is one", moved(Conforms, refuse), moved(Unproven, accept), Loosened},
		{"another identity", moved(Conforms, accept), moved(Deviates, another), Loosened},
		{"no identity any more", moved(Conforms, accept), moved(Conforms, nobody), Changed},
		{"the right identity at last", moved(Deviates, another), moved(Conforms, accept), Tightened},
		{"an identity where there was none", moved(Conforms, nobody), moved(Conforms, accept), Changed},
		{"an acceptance became a refusal", moved(Deviates, accept), moved(Conforms, refuse), Tightened},
		{"an acceptance became a start refused", moved(Deviates, accept), moved(Conforms, unstarted), Tightened},
		{"plaintext became an acceptance", moved(Deviates, clear), moved(Conforms, accept), Tightened},
		{"plaintext became a refusal", moved(Deviates, clear), moved(Conforms, refuse), Tightened},
		{"another side refuses", moved(Conforms, refuse), moved(Deviates, byClient), Changed},
		{"a refusal became a start refused", moved(Conforms, refuse), moved(Deviates, unstarted), Changed},
		{"no longer judged", moved(Conforms, refuse), moved(Unproven, untold), Changed},
		{"broke, whatever was seen of it", moved(Conforms, refuse), moved(Broken, accept), Changed},
		{"skipped", moved(Conforms, refuse), moved(Skipped, untold), Changed},
		{"another verdict alone", moved(Conforms, refuse), moved(Deviates, refuse), Changed},
		{"an acceptance could be told at last", moved(Broken, untold), moved(Conforms, accept), Changed},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := move(c.was, c.is)
			if got != c.movement {
				t.Errorf("found %q, wanted %q", got, c.movement)
			}
		})
	}
}

func TestMoveOfWhatBecameKnown(t *testing.T) {
	was := moved(Deviates, Behaviour{Outcome: "accept"})
	is := was
	is.KnownDeviation = "agreed upon"
	if got, _ := move(was, is); got != Changed {
		t.Errorf("found %q, wanted %q", got, Changed)
	}
	was.KnownDeviation = "agreed upon in other words"
	if _, moved := move(was, is); moved {
		t.Error("a reason that is worded otherwise counts as a movement")
	}
}

// later is the sample after a change that moved cases in each way.
func later() *Report {
	r := sample()
	r.Target.Name, r.Target.Launch, r.Stopped = "calico-v3.32.0", "process", BudgetSpent
	for i := range r.Results {
		switch x := &r.Results[i]; x.ID {
		case "felix-typha/cn/typha/client=expired/server=good/tls1.2", "felix-typha/cn/typha/client=cn-other/server=good/tls1.3":
			*x = deviating(x.ID)
			x.Expected = sample().Results[i].Expected
		case "felix-typha/cn/typha/client=two-uris/server=good/tls1.3":
			x.Outcome, x.Observed = Conforms, x.Expected
		case "felix-typha/uri-san/typha/client=good/server=good/tls1.2":
			x.Why, x.Outcome = "Typha `died`.", Broken
		case "felix-typha/cn-or-uri-san/typha/client=good/server=good/tls1.3":
			x.ID = strings.Replace(x.ID, "tls1.3", "tls1.2", 1)
		}
	}
	r.Migration = nil
	r.Conclude(r.IDs())
	return r
}

func TestDiffGoldens(t *testing.T) {
	d, err := Compare(sample(), later())
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range DiffFormats {
		t.Run(format.Name, func(t *testing.T) {
			var b bytes.Buffer
			if err := format.Render(&b, d, Options{Rule: sentence, Target: "my target.yaml"}); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "diff."+map[string]string{"text": "txt", "markdown": "md", "json": "json"}[format.Name])
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("%s differs (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestCompareRefuses(t *testing.T) {
	expecting := sample()
	for i := range expecting.Results {
		if expecting.Results[i].Outcome == Broken {
			expecting.Results[i].Expected.Check = "chain"
		}
	}
	expecting.Conclude(expecting.IDs())
	elsewhere := sample()
	for i := range elsewhere.Results {
		elsewhere.Results[i].ID += "/setting=other"
	}
	for want, other := range map[string]*Report{
		"comparing two reports: the suites that wrote them expect different things of felix-typha/uri-san/typha/client=none/server=good/tls1.3: " +
			"the old one that it is refused by the server for presence, the new one that it is refused by the server for chain": expecting,
		"comparing two reports: they have no case in common: the old one has cases of typha, the new one of typha": elsewhere,
	} {
		_, err := Compare(sample(), other)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || err.Error() != want || invalid.Hint() == "" {
			t.Errorf("found %v, wanted %q and a hint", err, want)
		}
	}
}

func TestParseMovements(t *testing.T) {
	for text, want := range map[string]string{
		"none": "[]", "loosened": "[loosened]", "vanished,appeared": "[vanished appeared]", "none,loosened": "error", "": "error", "Loosened": "error",
	} {
		got, err := ParseMovements(strings.Split(text, ","))
		found := fmt.Sprint(got)
		if err != nil {
			found = "error"
		}
		if found != want {
			t.Errorf("%q: found %s, wanted %s", text, found, want)
		}
	}
}

// What a component says must not become markup, or call somebody.
func TestMarkdownTakesWordsAsTheyAre(t *testing.T) {
	was, is := sample(), later()
	for i := range is.Results {
		is.Results[i].Observed.Identity = "<b>*x*</b> @all #1 [a](https://x) `b` | c\nd"
	}
	d, err := Compare(was, is)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := renderDiffMarkdown(&b, d, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<b>", "@all", "#1", "[a](", "https://x", " *x*", "\nd", " `b`"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("found %q in\n%s", bad, b.String())
		}
	}
}

// Cases that the new report leaves out don't keep those that moved from standing together.
func TestDriftsHeedWhatBothReportsHave(t *testing.T) {
	const at = "felix-typha/cn/typha/client="
	was, is := clean(), clean()
	was.Results, is.Results = nil, nil
	for _, version := range []string{"tls1.2", "tls1.3"} {
		was.Results = append(was.Results, refused(at+"expired/server=good/"+version, "validity"), accepted(at+"good/server=good/"+version),
			refused(at+"expired/server=good/"+version+"/setting=s", "validity"))
		is.Results = append(is.Results, deviating(at+"expired/server=good/"+version), accepted(at+"good/server=good/"+version))
	}
	d, err := Compare(was, is)
	if err != nil {
		t.Fatal(err)
	}
	found := d.drifts(Loosened)
	if len(found) != 1 || found[0].title() != "all 2 cases with client=expired on typha" {
		t.Errorf("found %+v, wanted the two together", found)
	}
}
