package reports

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClusters(t *testing.T) {
	typha := func(rests ...string) []string {
		var ids []string
		for _, rest := range rests {
			mode, rest, _ := strings.Cut(rest, " ")
			ids = append(ids, "felix-typha/"+mode+"/typha/"+rest)
		}
		slices.Sort(ids)
		return ids
	}
	good := typha("cn client=good/server=good/tls1.2", "cn client=good/server=good/tls1.3", "uri-san client=good/server=good/tls1.3")
	for _, c := range []struct {
		name        string
		ids, others []string
		want        []string
	}{
		{
			"one variant", typha("cn client=x/server=good/tls1.2", "cn client=x/server=good/tls1.3", "uri-san client=x/server=good/tls1.3"), good,
			[]string{"all 3 cases with client=x on typha: felix-typha/*/typha/client=x/**"},
		},
		{
			"a variant at one version", typha("cn client=x/server=good/tls1.2", "uri-san client=x/server=good/tls1.2"),
			append(typha("cn client=x/server=good/tls1.3"), typha("cn client=y/server=good/tls1.2")...),
			[]string{"all 2 cases with client=x and tls1.2 on typha: felix-typha/*/typha/client=x/server=*/tls1.2/**"},
		},
		{
			"a setting", typha("cn client=x/server=good/tls1.2/setting=s", "cn client=y/server=good/tls1.2/setting=s"), typha("cn client=x/server=good/tls1.2", "cn client=y/server=good/tls1.2"),
			[]string{"all 2 cases with setting=s on typha: felix-typha/*/typha/client=*/server=*/*/**/setting=s/**"},
		},
		{
			"what is not there", typha("cn client=good/server=good/tls1.2", "cn client=good/server=good/tls1.3"), typha("cn client=good/server=good/tls1.2/setting=s", "cn client=good/server=good/tls1.3/setting=s"),
			[]string{"all 2 cases with no setting on typha: felix-typha/*/typha/**"},
		},
		{
			"everything", good,
			[]string{"felix-typha/cn/felix/client=good/server=good/tls1.2"},
			[]string{"all 3 cases on typha: felix-typha/*/typha/**"},
		},
		{
			"nothing in common", typha("cn client=x/server=good/tls1.2", "uri-san client=y/server=good/tls1.3"),
			typha("cn client=y/server=good/tls1.2", "uri-san client=x/server=good/tls1.3", "cn client=x/server=good/tls1.3", "uri-san client=y/server=good/tls1.2", "uri-san client=x/server=good/tls1.2", "cn client=y/server=good/tls1.3"),
			[]string{"felix-typha/cn/typha/client=x/server=good/tls1.2: felix-typha/cn/typha/client=x/server=good/tls1.2", "felix-typha/uri-san/typha/client=y/server=good/tls1.3: felix-typha/uri-san/typha/client=y/server=good/tls1.3"},
		},
		{
			"two variants, the larger first", typha("cn client=x/server=good/tls1.2", "cn client=y/server=good/tls1.2", "cn client=y/server=good/tls1.3", "uri-san client=y/server=good/tls1.3", "cn client=x/server=good/tls1.3"), good,
			[]string{"all 3 cases with client=y on typha: felix-typha/*/typha/client=y/**", "all 2 cases with client=x on typha: felix-typha/*/typha/client=x/**"},
		},
		{"none", nil, good, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, found := range clusters(c.ids, c.others) {
				got = append(got, found.title()+": "+found.glob())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("the clusters differ (-want +got):\n%s", diff)
			}
		})
	}
}

// Each case is in one cluster, and no cluster's factors are those of another case.
func TestClustersPartition(t *testing.T) {
	var ids, others []string
	for i := range 5000 {
		id := fmt.Sprintf("felix-typha/m%d/typha/client=c%d/server=s%d/tls1.%d", i%3, i/20, i%7, i%2+2)
		if (i*7919)%5 == 0 || i%40 < 20 {
			ids = append(ids, id)
		} else {
			others = append(others, id)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	found := clusters(ids, others)
	var all []string
	for _, c := range found {
		all = append(all, c.ids...)
		for _, other := range others {
			if len(c.ids) > 1 && holdsAll(factorsOf(other), c.factors) {
				t.Fatalf("%s holds for %s too", c.title(), other)
			}
		}
	}
	slices.Sort(all)
	if diff := cmp.Diff(ids, all); diff != "" {
		t.Errorf("the clusters do not hold each case once (-want +got):\n%s", diff)
	}
}

func holdsAll(all, some []factor) bool {
	return !slices.ContainsFunc(some, func(f factor) bool { return !slices.Contains(all, f) })
}

func TestNearest(t *testing.T) {
	const at = "felix-typha/cn/typha/"
	others := []string{
		"felix-typha/cn/felix/client=expired/server=good/tls1.3",
		at + "client=good/server=good/tls1.2",
		at + "client=cn-other/server=good/tls1.3",
		at + "client=good/server=good/tls1.3",
	}
	near, differs, ok := nearest(at+"client=expired/server=good/tls1.3", others)
	if want := at + "client=good/server=good/tls1.3"; !ok || near != want {
		t.Errorf("found %q, wanted %q", near, want)
	}
	if got, want := unlike(near, differs), near+" (client=good instead of client=expired)"; got != want {
		t.Errorf("found %q, wanted %q", got, want)
	}
	if near, _, ok := nearest(at+"client=expired/server=good/tls1.3/setting=a/conduct=b", others[1:2]); ok {
		t.Errorf("found %q, which has little to do with it", near)
	}
}
