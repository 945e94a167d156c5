package reports

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// SignatureSuffix is what a report's file name gets for the name of the file with its signature.
const SignatureSuffix = ".sig"

// signatureNamespace keeps a signature of a report from being taken for one of anything else, and the other way round.
const signatureNamespace = "tlsconform"

// What one can do about a key, or a signature, that is of no use.
const (
	hintPrivateKey = "name a private key as ssh-keygen -t ed25519 makes it"
	hintPassphrase = "take a key without a passphrase, or sign with ssh-keygen -Y sign -n " + signatureNamespace
	hintPublicKey  = "name a public key as ssh-keygen makes it, a file that ends in .pub"
	hintSignature  = "is it the " + SignatureSuffix + " file that tlsconform wrote beside the report?"
	hintUnsigned   = "ask for the report as it was signed, or have it signed anew"
	hintSigner     = "ask the signer for the public key, by a way that you trust"
)

// Signer signs reports. It holds a private key in memory alone.
type Signer struct{ key ssh.Signer }

// NewSigner reads a private key in one of the formats of OpenSSH, or in PEM. The error is an [*InvalidError], and never
// says what is in the file.
func NewSigner(key []byte) (*Signer, error) {
	signer, err := ssh.ParsePrivateKey(key)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		return nil, invalidKey(hintPassphrase, errors.New("wanted one that can be used as it is, found one with a passphrase"))
	}
	if err != nil {
		return nil, invalidKey(hintPrivateKey, errors.New("found what is no private key, or of an unknown kind"))
	}
	return &Signer{signer}, nil
}

// Sign returns the signature of a report's bytes in the armoured SSH format (OpenSSH's PROTOCOL.sshsig), which
// ssh-keygen -Y verifies too.
func (s *Signer) Sign(report io.Reader) ([]byte, error) {
	signature, err := sshsig.Sign(report, s.key, sshsig.HashSHA512, signatureNamespace)
	if err != nil {
		return nil, fmt.Errorf("signing a report: %w", err)
	}
	return sshsig.Armor(signature), nil
}

// PublicKey is the key of one who signs reports.
type PublicKey struct{ key ssh.PublicKey }

// ParsePublicKey reads a public key in OpenSSH's format, one line. The error is an [*InvalidError].
func ParsePublicKey(line []byte) (*PublicKey, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return nil, invalidKey(hintPublicKey, errors.New("found what is no public key"))
	}
	return &PublicKey{key}, nil
}

func invalidKey(hint string, err error) error {
	return &InvalidError{Doing: "reading the key", Err: err, hint: hint}
}

// VerifySignature returns the fingerprint of the key that signed a report's bytes, as ssh-keygen -l prints it. With
// wanted nil, any key will do. It returns an [*InvalidError] if the signature is none, or of other bytes, or by another
// key than the one wanted.
func VerifySignature(report io.Reader, armoured []byte, wanted *PublicKey) (string, error) {
	signature, err := sshsig.Unarmor(bytes.TrimSpace(armoured))
	if err != nil {
		return "", unsigned(hintSignature, errors.New("found what is no SSH signature"))
	}
	if signature.Namespace != signatureNamespace {
		return "", unsigned(hintSignature, fmt.Errorf("wanted one of the namespace %s, found one of %q", signatureNamespace, signature.Namespace))
	}
	by := ssh.FingerprintSHA256(signature.PublicKey)
	if wanted != nil && by != ssh.FingerprintSHA256(wanted.key) {
		return "", unsigned(hintSigner, fmt.Errorf("wanted the report to be signed by %s, found it signed by %s", ssh.FingerprintSHA256(wanted.key), by))
	}
	if err := sshsig.Verify(report, signature, signature.PublicKey, signature.HashAlgorithm, signatureNamespace); err != nil {
		return "", unsigned(hintUnsigned, fmt.Errorf("the report is not what %s signed", by))
	}
	return by, nil
}

func unsigned(hint string, err error) error {
	return &InvalidError{Doing: "verifying the signature", Err: err, hint: hint}
}
