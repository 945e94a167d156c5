package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// moduli are the RSA key types with the bits of their moduli.
var moduli = map[KeyType]int{RSA1024: 1024, RSA2048: 2048, RSA3072: 3072, RSA4096: 4096, RSA8200: 8200}

var curves = map[KeyType]elliptic.Curve{P224: elliptic.P224(), P256: elliptic.P256(), P384: elliptic.P384(), P521: elliptic.P521()}

// holder says whose key it is. Leaves share the RSA keys of a run, which are slow to make.
type holder string

const (
	leafHolder    holder = "leaf"
	foreignHolder holder = "foreign"
)

// leafKey returns a key for a leaf, or the foreign one that an end signs with in its place.
func (a *Authorities) leafKey(kind KeyType, of holder) (crypto.Signer, error) {
	if moduli[kind] == 0 {
		return generateKey(kind)
	}
	return a.keys.get(string(of)+" "+string(kind), func() (crypto.Signer, error) { return generateKey(kind) })
}

func generateKey(kind KeyType) (crypto.Signer, error) {
	switch {
	case curves[kind] != nil:
		return ecdsa.GenerateKey(curves[kind], rand.Reader)
	case kind == Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case kind == RSA8200:
		return generateWideKey(moduli[kind])
	case moduli[kind] > 0:
		return rsa.GenerateKey(rand.Reader, moduli[kind])
	}
	return nil, fmt.Errorf("making a key: there is no key type %q", kind)
}

// widePrimes is the number of primes of a wide key.
const widePrimes = 16

// wideKey is an RSA key with many primes. It signs PSS by itself, prime by prime, as crypto/rsa takes most of a second
// for such a key.
type wideKey struct {
	private *rsa.PrivateKey
}

func generateWideKey(bits int) (*wideKey, error) {
	e := big.NewInt(65537)
	for {
		private := &rsa.PrivateKey{PublicKey: rsa.PublicKey{E: int(e.Int64())}}
		n, totient := big.NewInt(1), big.NewInt(1)
		for i := range widePrimes {
			size := bits / widePrimes
			if i == widePrimes-1 {
				size = bits - n.BitLen() + 1
			}
			p, err := rand.Prime(rand.Reader, size)
			if err != nil {
				return nil, fmt.Errorf("making a prime of %d bits: %w", size, err)
			}
			private.Primes = append(private.Primes, p)
			n.Mul(n, p)
			totient.Mul(totient, new(big.Int).Sub(p, big.NewInt(1)))
		}
		private.N, private.D = n, new(big.Int).ModInverse(e, totient)
		if private.D == nil || n.BitLen() != bits {
			continue // e divides a prime less one, or the last prime came out too small
		}
		private.Precompute()
		return &wideKey{private}, private.Validate()
	}
}

// Public returns the public key.
func (k *wideKey) Public() crypto.PublicKey { return &k.private.PublicKey }

// Sign signs a digest as RSASSA-PSS or, slowly, as RSASSA-PKCS1-v1_5.
func (k *wideKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, ok := opts.(*rsa.PSSOptions); !ok {
		return k.private.Sign(random, digest, opts)
	}
	encoded, err := encodePSS(digest, k.private.N.BitLen()-1, opts.HashFunc())
	if err != nil {
		return nil, fmt.Errorf("signing with an RSA key of %d bits: %w", k.private.N.BitLen(), err)
	}
	m, s, product := new(big.Int).SetBytes(encoded), new(big.Int), big.NewInt(1)
	for _, p := range k.private.Primes {
		// s is right for the product of the primes so far; make it right for p as well (Garner's formula).
		exponent := new(big.Int).Mod(k.private.D, new(big.Int).Sub(p, big.NewInt(1)))
		residue := new(big.Int).Exp(m, exponent, p)
		step := residue.Sub(residue, s)
		step.Mul(step, new(big.Int).ModInverse(product, p)).Mod(step, p)
		s.Add(s, step.Mul(step, product))
		product.Mul(product, p)
	}
	return s.FillBytes(make([]byte, k.private.Size())), nil
}

// encodePSS is EMSA-PSS-ENCODE with MGF1 and a salt as long as the digest (RFC 8017 section 9.1.1).
func encodePSS(digest []byte, bits int, hash crypto.Hash) ([]byte, error) {
	size, octets := hash.Size(), (bits+7)/8
	if len(digest) != size || octets < 2*size+2 {
		return nil, errors.New("the digest does not fit the hash, or the hash the key")
	}
	salt := make([]byte, size)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	h := hash.New()
	h.Write(make([]byte, 8))
	h.Write(digest)
	h.Write(salt)
	sum := h.Sum(nil)

	block := make([]byte, octets-size-1)
	block[len(block)-size-1] = 1
	copy(block[len(block)-size:], salt)
	for i, counter := 0, byte(0); i < len(block); counter++ {
		h.Reset()
		h.Write(sum)
		h.Write([]byte{0, 0, 0, counter})
		for _, mask := range h.Sum(nil) {
			if i < len(block) {
				block[i] ^= mask
				i++
			}
		}
	}
	block[0] &= 0xff >> (8*octets - bits)
	return append(append(block, sum...), 0xbc), nil
}
