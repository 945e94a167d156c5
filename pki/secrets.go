package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// telltale is the number of characters of a private key that are too many to be there by chance.
const telltale = 24

// Secrets recognises private keys in text, whole or in part. Make it with [NewSecrets]; it is safe for concurrent use.
type Secrets struct {
	// parts are all runs of telltale characters of the keys in each form in which they may be written.
	parts map[string]struct{}
}

// NewSecrets recognises the keys with which these credentials sign: in PEM and in hexadecimal, each as PKCS #8, PKCS #1
// and SEC 1, so far as the formats hold them, and their private numbers in decimal. What they share with their public
// keys and their certificates is no secret. It returns an error for a key that cannot be encoded.
func NewSecrets(of ...*Issued) (*Secrets, error) {
	s := &Secrets{parts: map[string]struct{}{}}
	public := map[string]struct{}{}
	for _, issued := range of {
		if issued == nil || issued.Key == nil {
			continue
		}
		if err := s.learn(issued); err != nil {
			return nil, err
		}
		key, err := x509.MarshalPKIXPublicKey(issued.Key.Public())
		if err != nil {
			return nil, fmt.Errorf("encoding a public key: %w", err)
		}
		for _, der := range append([][]byte{key}, issued.Chain...) {
			cut(public, hexadecimal(der)...)
			cut(public, shifted(der)...)
		}
	}
	for part := range public {
		delete(s.parts, part)
	}
	return s, nil
}

// In reports whether a line holds 24 or more characters in a row of any of the keys. No Secrets hold none.
func (s *Secrets) In(line string) bool {
	if s == nil {
		return false
	}
	run := 0
	for i := range len(line) {
		if !isWritten(line[i]) {
			run = 0
			continue
		}
		if run++; run < telltale {
			continue
		}
		if _, found := s.parts[line[i+1-telltale:i+1]]; found {
			return true
		}
	}
	return false
}

// isWritten reports whether c is a character of base64, and so of hexadecimal and of decimal numbers. Text is mostly made
// of words that are shorter than what tells anything.
func isWritten(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}

func (s *Secrets) learn(issued *Issued) error {
	for _, format := range []KeyFormat{PKCS8, PKCS1, SEC1} {
		text, err := issued.KeyPEM(format)
		if wrong := (*FormatError)(nil); errors.As(err, &wrong) {
			continue
		}
		if err != nil {
			return err
		}
		block, _ := pem.Decode(text)
		cut(s.parts, base64.RawStdEncoding.EncodeToString(block.Bytes))
		cut(s.parts, hexadecimal(block.Bytes)...)
	}
	private, err := numbers(issued.Key)
	if err != nil {
		return err
	}
	for _, n := range private {
		cut(s.parts, n.String())
		cut(s.parts, hexadecimal(n.Bytes())...)
	}
	return nil
}

// numbers returns the private numbers of a key that has any: the scalar, or the exponent and the primes.
func numbers(key crypto.Signer) ([]*big.Int, error) {
	switch key := key.(type) {
	case *wideKey:
		return numbers(key.private)
	case *rsa.PrivateKey:
		return append([]*big.Int{key.D}, key.Primes...), nil
	case *ecdsa.PrivateKey:
		scalar, err := key.Bytes()
		if err != nil {
			return nil, fmt.Errorf("reading the scalar of a key: %w", err)
		}
		return []*big.Int{new(big.Int).SetBytes(scalar)}, nil
	}
	return nil, nil
}

// cut adds each run of telltale characters of the texts.
func cut(into map[string]struct{}, texts ...string) {
	for _, text := range texts {
		for i := range max(len(text)-telltale+1, 0) {
			into[text[i:i+telltale]] = struct{}{}
		}
	}
}

func hexadecimal(octets []byte) []string {
	text := hex.EncodeToString(octets)
	return []string{text, strings.ToUpper(text)}
}

// shifted returns what base64 makes of the octets wherever they begin: it takes three at a time.
func shifted(octets []byte) []string {
	var texts []string
	for before := range 3 {
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), octets...))
		texts = append(texts, text[(8*before+5)/6:])
	}
	return texts
}
