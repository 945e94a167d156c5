package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/reports"
)

func newReportSign() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "sign FILE --key KEY",
		Short: "sign a report with an SSH key",
		Long: `Sign a report.json with an SSH private key, and write the signature beside it, as FILE.sig. It is one that tlsconform
report verify and ssh-keygen -Y verify -n tlsconform understand. The key is read, and kept nowhere.`,
		Example: `  tlsconform report sign --key id_ed25519 _output/report.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			signer, err := readSigner(key)
			if err != nil {
				return err
			}
			if _, err := readReport(args[0]); err != nil {
				return err // what is no report is not signed as one
			}
			file, err := openReport(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			signature, err := signer.Sign(file)
			if err != nil {
				return unjudged(err)
			}
			return writeTo(args[0]+reports.SignatureSuffix, func(w io.Writer) error {
				_, err := w.Write(signature)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the SSH private key to sign with, without a passphrase")
	if err := cmd.MarkFlagRequired("key"); err != nil {
		panic(err) // the flag stands one line above
	}
	return cmd
}

// readSigner reads the private key that signs; nil if none is named. Every error is one of usage.
func readSigner(path string) (*reports.Signer, error) {
	if path == "" {
		return nil, nil
	}
	data, err := readSmall(path, "name a private key that can be read")
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	signer, err := reports.NewSigner(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return signer, nil
}

// signIn signs the report in a folder, or else removes the signature of one that was there before. It returns the name
// of the signature's file.
func signIn(folder *os.Root, signer *reports.Signer) (string, error) {
	name := reportFile + reports.SignatureSuffix
	if signer == nil {
		if err := folder.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("removing the signature of an older report: %w", err)
		}
		return "", nil
	}
	report, err := folder.Open(reportFile)
	if err != nil {
		return "", fmt.Errorf("signing the report: %w", err)
	}
	defer report.Close()
	signature, err := signer.Sign(report)
	if err != nil {
		return "", err
	}
	if err := folder.WriteFile(name, signature, 0o644); err != nil {
		return "", fmt.Errorf("writing the signature: %w", err)
	}
	return name, nil
}

// signed are the flags that say how a report's signature is verified.
type signed struct{ signature, key string }

func (s *signed) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.signature, "signature", "", "the file with the report's signature; without it FILE.sig, if that is there or --key is given")
	cmd.Flags().StringVar(&s.key, "key", "", "the SSH public key that must have signed the report")
}

// by returns the fingerprint of the key that signed a report, as ssh-keygen -l prints it; "" if it is not signed, and
// need not be. It reads the report to its end.
func (s *signed) by(path string, report io.Reader) (string, error) {
	var wanted *reports.PublicKey
	if s.key != "" {
		data, err := readSmall(s.key, "name a public key that can be read")
		if err != nil {
			return "", fmt.Errorf("reading the key: %w", err)
		}
		if wanted, err = reports.ParsePublicKey(data); err != nil {
			return "", fmt.Errorf("%s: %w", s.key, err)
		}
	}
	from := s.signature
	if from == "" {
		from = path + reports.SignatureSuffix
	}
	armoured, err := readSmall(from, "name the file with the signature that was handed in with the report")
	if errors.Is(err, fs.ErrNotExist) && s.signature == "" && wanted == nil {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the signature: %w", err)
	}
	by, err := reports.VerifySignature(report, armoured, wanted)
	if err != nil {
		return "", &codedError{fmt.Errorf("%s: %w", from, err), reports.ExitFailed}
	}
	return by, nil
}
