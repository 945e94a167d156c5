package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// shells are those whose completion can be written.
var shells = []struct {
	name  string
	write func(root *cobra.Command, w io.Writer) error
}{
	{"bash", func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) }},
	{"zsh", (*cobra.Command).GenZshCompletion},
	{"fish", func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) }},
}

func newCompletion() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion",
		Short: "write what a shell needs to complete commands, flags, targets, rules and cases",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, s := range shells {
		cmd.AddCommand(&cobra.Command{
			Use:     s.name,
			Short:   "write the completion for " + s.name,
			Example: "  tlsconform completion " + s.name + " > tlsconform." + s.name,
			Args:    cobra.NoArgs,
			RunE:    func(cmd *cobra.Command, _ []string) error { return s.write(cmd.Root(), cmd.OutOrStdout()) },
		})
	}
	return cmd
}

// known are the flags that name something of a list, with the list. A flag has one meaning in all commands.
var known = map[string]func() []string{
	"target": fixtures.TargetNames,
	"launch": func() []string { return conformance.Launches },
	"rule":   ruleIDs,
	"select": caseIDs,
	"fault":  faults,
	"profile": func() []string {
		return namesOf(conformance.Profiles, func(p conformance.Profile) string { return p.Name })
	},
	"strategy": func() []string { return namesOf(matrix.Strategies, func(s matrix.Strategy) string { return s.Name }) },
	"fail-on": func() []string {
		return namesOf(reports.Movements, func(m reports.MovementText) string { return string(m.Name) })
	},
}

// formats are the formats of the commands that have some.
var formats = map[string]func() []string{
	"render": func() []string { return namesOf(reports.Renderers, func(f reports.Format) string { return f.Name }) },
	"diff": func() []string {
		return namesOf(reports.DiffFormats, func(f reports.DiffFormat) string { return f.Name })
	},
}

// complete lets a command and all below it complete what is known.
func complete(cmd *cobra.Command) {
	for name, list := range known {
		completeFlag(cmd, name, list)
	}
	if list, ok := formats[cmd.Name()]; ok {
		completeFlag(cmd, "format", list)
	}
	if strings.Contains(cmd.Use, "CASE") {
		cmd.ValidArgsFunction = oneOf(caseIDs)
	}
	for _, below := range cmd.Commands() {
		complete(below)
	}
}

func completeFlag(cmd *cobra.Command, name string, list func() []string) {
	if cmd.Flags().Lookup(name) == nil {
		return
	}
	complete := func(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return list(), cobra.ShellCompDirectiveDefault // a target may be a file as well
	}
	if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
		panic(err) // the flag is there, and nobody else completes it
	}
}

// oneOf completes one argument.
func oneOf(list func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list(), cobra.ShellCompDirectiveNoFileComp
	}
}

func ruleIDs() []string {
	rules, err := fixtures.Rules()
	if err != nil {
		return nil
	}
	return namesOf(rules, func(r fixtures.Rule) string { return r.ID })
}

// caseIDs are the IDs of the cases that list prints.
func caseIDs() []string {
	cases, err := enumerate(matrix.Strategies[0].Name, everyProfile)
	if err != nil {
		return nil
	}
	return namesOf(cases, matrix.Case.ID)
}

func namesOf[T any](all []T, name func(T) string) []string {
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = name(one)
	}
	return names
}
