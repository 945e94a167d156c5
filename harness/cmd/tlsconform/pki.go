package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

func newPKI() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:     "pki CASE --out DIR",
		Short:   "write the certificates and keys of a case, made anew",
		Example: `  tlsconform pki felix-typha/cn/typha/client=expired/server=good/tls1.3 --out files`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := caseNamed(args[0])
			if err != nil {
				return err
			}
			if c.Version == link.Clear {
				return &hintedError{fmt.Errorf("writing the files of %s: nothing is shown in plaintext", c.ID()), "choose a case of another version"}
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return &hintedError{fmt.Errorf("making the output folder: %w", err), "name a folder that can be written to with --out"}
			}
			written, err := writeFiles(c, out)
			if err != nil {
				return &hintedError{err, "name a folder that can be written to with --out"}
			}
			for _, name := range written {
				fmt.Fprintln(cmd.OutOrStdout(), name)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the folder for the files; it is made if it is not there")
	if err := cmd.MarkFlagRequired("out"); err != nil {
		panic(err) // the flag stands two lines above
	}
	return cmd
}

// writeFiles writes what each end of a case shows, as SIDE.crt and SIDE.key, what it trusts, as SIDE-trust.crt, and the
// revocation list that it heeds, in DER as etcd reads it, as SIDE-revoked.crl.
func writeFiles(c matrix.Case, dir string) ([]string, error) {
	l, _ := harness.LinkNamed(c.Link)
	client, server, err := oracle.Verifiers(l.Link, c)
	if err != nil {
		return nil, err
	}
	authorities := pki.NewAuthorities()
	var written []string
	for _, e := range []struct {
		side     handshake.Side
		variant  string
		requires link.Verifier
	}{{handshake.Client, c.Client, client}, {handshake.Server, c.Server, server}} {
		v, _ := pki.VariantNamed(e.variant)
		issued, err := authorities.Issue(oracle.Credential(l.Link, e.side, v))
		if err != nil {
			return nil, fmt.Errorf("issuing the %s's credential: %w", e.side, err)
		}
		if len(issued.Chain) > 0 {
			files, err := issued.WriteFiles(dir, string(e.side), pki.PKCS8)
			if err != nil {
				return nil, fmt.Errorf("writing the %s's credential: %w", e.side, err)
			}
			written = append(written, files.Certificate, files.Key)
		}
		if len(e.requires.Trust) == 0 {
			continue
		}
		good, _ := pki.VariantNamed("good")
		style := pki.BundlePlain
		if s, ok := l.Setting(c.Setting, c.Mode, c.Subject); ok && s.Side == e.side {
			style = s.Bundle
		}
		bundle, err := authorities.BundleIn(style, e.requires.Trust, oracle.Credential(l.Link, e.side.Other(), good))
		if err != nil {
			return nil, fmt.Errorf("making the %s's trust bundle: %w", e.side, err)
		}
		name := filepath.Join(dir, string(e.side)+"-trust.crt")
		if err := os.WriteFile(name, bundle, 0o644); err != nil {
			return nil, fmt.Errorf("writing the %s's trust bundle: %w", e.side, err)
		}
		written = append(written, name)
		if !e.requires.Revokes {
			continue
		}
		list, err := authorities.RevocationList(pki.RevokedSerial)
		if err != nil {
			return nil, fmt.Errorf("making the %s's revocation list: %w", e.side, err)
		}
		name = filepath.Join(dir, string(e.side)+"-revoked.crl")
		if err := os.WriteFile(name, list, 0o644); err != nil {
			return nil, fmt.Errorf("writing the %s's revocation list: %w", e.side, err)
		}
		written = append(written, name)
	}
	return written, nil
}
