package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/suites/conformance"
)

func newList() *cobra.Command {
	var rule, glob, strategy, profile string
	var onlyCount bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the cases, by their IDs",
		Example: `  tlsconform list --rule IDENT-47
  tlsconform list --strategy full --count`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if profile == "" && rule == "" && glob == "" {
				profile = conformance.Profiles[0].Name
			}
			cases, err := enumerate(strategy, cmp.Or(profile, everyProfile))
			if err != nil {
				return err
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
				return count(out, cases)
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
	cmd.Flags().StringVar(&profile, "profile", "", "only the cases of a profile; without it those of "+conformance.Profiles[0].Name+", or with --rule or --select of all: "+conformance.ProfileUsage())
	cmd.Flags().BoolVar(&onlyCount, "count", false, "print how many there are, of what, and about how long they take")
	return cmd
}

// everyProfile is the profile that holds all the others.
const everyProfile = "all"

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

// enumerate returns the cases of every link by a strategy that belong to a profile.
func enumerate(strategy, profile string) ([]matrix.Case, error) {
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
	p, ok := conformance.ProfileNamed(profile)
	if !ok {
		return nil, &hintedError{
			fmt.Errorf("choosing a profile: there is none named %q", profile), "the profiles are " + conformance.ProfileUsage(),
		}
	}
	var cases []matrix.Case
	for _, l := range harness.Links {
		cases = append(cases, p.Cases(l.Link, s)...)
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
	var all []matrix.Case
	for _, s := range matrix.Strategies {
		cases, err := enumerate(s.Name, everyProfile)
		if err != nil {
			return matrix.Case{}, err
		}
		for _, c := range cases {
			if c.ID() == id {
				return c, nil
			}
		}
		if s.Name == matrix.Strategies[0].Name {
			all = cases
		}
	}
	return matrix.Case{}, &hintedError{
		fmt.Errorf("looking up a case: there is none with the ID %q", id),
		"the nearest IDs are\n  " + strings.Join(matrix.Nearest(all, id), "\n  "),
	}
}
