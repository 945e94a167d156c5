package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/suites/conformance"
)

// count tells how many cases there are, of what, and about how long they take.
func count(w io.Writer, cases []matrix.Case) error {
	subjects := map[string]int{}
	for _, c := range cases {
		subjects[c.Link+"\t"+c.Subject]++
	}
	var lines []string
	for subject, n := range subjects {
		lines = append(lines, fmt.Sprintf("%s\t%d", subject, n))
	}
	slices.Sort(lines)
	lines = append([]string{fmt.Sprintln(len(cases)) + "link\tsubject\tcases"}, lines...)
	lines = append(lines, "", fmt.Sprintf("in %d starts; an estimate of the time on two quiet cores:", conformance.Starts(cases)))
	for _, p := range conformance.Paces {
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s", p.What, p.Launch, p.Estimate(cases).Truncate(time.Second)+time.Second))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(table, strings.Join(lines, "\n")+"\n"); err != nil {
		return err
	}
	return table.Flush()
}
