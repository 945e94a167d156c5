package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// before is what stands before the command in an example, and after what the shell does with what it prints.
var (
	before = regexp.MustCompile(`^(?:[A-Z_]+=\S+ )*tlsconform `)
	after  = regexp.MustCompile(` >>? \S+$`)
)

// TestExamples: each command has an example, of which every line is that command with flags and arguments that it takes.
func TestExamples(t *testing.T) {
	t.Parallel()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		if cmd.HasSubCommands() || cmd.Name() == "help" {
			return
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
			return
		}
		for line := range strings.Lines(cmd.Example) {
			line = strings.TrimSpace(line)
			if !before.MatchString(line) {
				t.Errorf("%s: wanted an example of tlsconform, found %q", cmd.CommandPath(), line)
				continue
			}
			words := strings.Fields(strings.ReplaceAll(after.ReplaceAllString(before.ReplaceAllString(line, ""), ""), "'", ""))
			found, args, err := newRoot().Find(words)
			if err != nil || found.CommandPath() != cmd.CommandPath() {
				t.Errorf("%s: the example is one of %s (%v): %s", cmd.CommandPath(), found.CommandPath(), err, line)
				continue
			}
			if err := found.ParseFlags(args); err != nil {
				t.Errorf("%s: %v: %s", cmd.CommandPath(), err, line)
			}
			if err := found.ValidateRequiredFlags(); err != nil {
				t.Errorf("%s: %v: %s", cmd.CommandPath(), err, line)
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: %v: %s", cmd.CommandPath(), err, line)
			}
		}
	}
	walk(newRoot())
}
