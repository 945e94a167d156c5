package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
)

func newList() *cobra.Command {
	var rule, glob, strategy string
	var onlyCount bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the cases, by their IDs; with --rule or --select those of every profile",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cases, err := enumerate(strategy)
			if err != nil {
				return err
			}
			if rule != "" || glob != "" {
				cases = append(cases, slow()...)
			}
			if glob != "" {
				if cases, err = matrix.Select(cases, glob); err != nil {
					return err
				}
			}
			if rule != "" {
				if cases, err = ofRule(cases, rule); err != nil {
					return err
				}
			}
			out := cmd.OutOrStdout()
			if onlyCount {
				_, err = fmt.Fprintln(out, len(cases))
				return err
			}
			for _, c := range cases {
				if _, err = fmt.Fprintln(out, c.ID()+remark(c)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&rule, "rule", "", "only the cases of a rule, as in IDENT-47")
	cmd.Flags().StringVar(&glob, "select", "", "only the cases whose ID the glob matches: * within one part, ** across parts")
	strategyFlag(cmd, &strategy)
	cmd.Flags().BoolVar(&onlyCount, "count", false, "print how many there are")
	return cmd
}

// slow returns the cases of every link that take long by nature.
func slow() []matrix.Case {
	var cases []matrix.Case
	for _, l := range harness.Links {
		cases = append(cases, matrix.InProfile(l.Link, matrix.Strategies[0], matrix.Slow)...)
	}
	return cases
}

// remark says of a case that it is not for every run, or not for every version; "" of the others.
func remark(c matrix.Case) string {
	l, _ := harness.LinkNamed(c.Link)
	if profile := matrix.Profile(l.Link, c); profile != "" {
		return "\t(profile " + profile + ")"
	}
	if since := matrix.Since(l.Link, c); since != "" {
		return "\t(inapplicable before Calico " + since + ")"
	}
	return ""
}

func strategyFlag(cmd *cobra.Command, strategy *string) {
	var names []string
	for _, s := range matrix.Strategies {
		names = append(names, fmt.Sprintf("%s (%s)", s.Name, s.Text))
	}
	cmd.Flags().StringVar(strategy, "strategy", matrix.Strategies[0].Name, "how cases are enumerated: "+strings.Join(names, "; "))
}

// enumerate returns the cases of every link.
func enumerate(strategy string) ([]matrix.Case, error) {
	s, ok := matrix.StrategyNamed(strategy)
	if !ok {
		var names []string
		for _, s := range matrix.Strategies {
			names = append(names, s.Name)
		}
		return nil, &hintedError{
			fmt.Errorf("choosing a strategy: there is none named %q", strategy),
			"the strategies are " + strings.Join(names, ", "),
		}
	}
	var cases []matrix.Case
	for _, l := range harness.Links {
		cases = append(cases, s.Cases(l.Link)...)
	}
	return cases, nil
}

// ofRule returns the cases that a rule decides.
func ofRule(cases []matrix.Case, id string) ([]matrix.Case, error) {
	if _, err := fixtures.RuleNamed(id); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(cases, func(c matrix.Case) bool {
		l, _ := harness.LinkNamed(c.Link)
		e, err := oracle.Predict(l.Link, c)
		return err != nil || !slices.Contains(e.Rules, id)
	}), nil
}

// caseNamed returns the case with an ID, among all that any strategy enumerates.
func caseNamed(id string) (matrix.Case, error) {
	all := slow()
	for _, c := range all {
		if c.ID() == id {
			return c, nil
		}
	}
	for _, s := range matrix.Strategies {
		cases, err := enumerate(s.Name)
		if err != nil {
			return matrix.Case{}, err
		}
		for _, c := range cases {
			if c.ID() == id {
				return c, nil
			}
		}
		if s.Name == matrix.Strategies[0].Name {
			all = append(all, cases...)
		}
	}
	return matrix.Case{}, &hintedError{
		fmt.Errorf("looking up a case: there is none with the ID %q", id),
		"the nearest IDs are\n  " + strings.Join(matrix.Nearest(all, id), "\n  "),
	}
}
