package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

func newReportVerify() *cobra.Command {
	var own string
	var s signed
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "say whether a report is one that this suite could have written",
		Long: `Verify a report that somebody else hands in, without the product that it is about: that it is whole and nothing in it
was edited that follows from the rest, namely counts, claim, coverage, the case set, the rules, levels and expectations,
verdicts against accounts, and known deviations; and that no private key is in it. A signature beside it, FILE.sig, is verified as well, and
who signed is said by the key's fingerprint; whose key that is, --key must tell. What can't be told is that the run took
place. Ends with 1 if the report, or its signature, does not verify.`,
		Example: `  tlsconform report verify _output/report.json
  tlsconform report verify --key id_ed25519.pub _output/report.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := openReport(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			known, err := readDeviations(own)
			if err != nil {
				return err
			}
			by, err := s.by(args[0], file)
			if err != nil {
				return err
			}
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				return fmt.Errorf("reading a report: %w", err)
			}
			r, err := reports.Verify(file, func(r *reports.Report) (reports.Asked, error) { return conformance.AskedBeside(r, known) })
			if err != nil {
				return &codedError{fmt.Errorf("%s: %w", args[0], err), reports.ExitFailed}
			}
			return verified(cmd.OutOrStdout(), r, by)
		},
	}
	deviationsFlag(cmd, &own)
	s.add(cmd)
	return cmd
}

// verified says what a report that verifies stands for, and by which key it is signed.
func verified(w io.Writer, r *reports.Report, by string) error {
	var subjects []string
	for _, result := range r.Results {
		if name := result.Subject + " on " + result.Link; !slices.Contains(subjects, name) {
			subjects = append(subjects, name)
		}
	}
	signing := "no"
	if by != "" {
		signing = "by " + by
	}
	_, err := fmt.Fprintf(w, "verified: %s is %s\n  suite     %s, profile %s, strategy %s\n  cases     %d of %d that are due, %s\n  subjects  %s\n  signed    %s\n",
		r.Target.Name, r.Claim, r.Suite.Version, r.Profile, r.Strategy, len(r.Results), r.Suite.Cases, r.Suite.CaseSetDigest, strings.Join(subjects, ", "), signing)
	return err
}

// openReport opens a report.json.
func openReport(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &hintedError{fmt.Errorf("reading a report: %w", err), "name the report.json that tlsconform run wrote"}
	}
	return file, nil
}
