package pki

import "bytes"

// Junk is a kind of file that looks like what a setting asks for, and is not.
type Junk string

// The kinds.
const (
	// JunkCertificate is a PEM block of a certificate whose content is no DER.
	JunkCertificate Junk = "certificate"
	// JunkKey is a PEM block of a private key whose content is no DER.
	JunkKey Junk = "key"
	// JunkBase64 is a PEM block of a certificate whose base64 is cut in the middle of a group.
	JunkBase64 Junk = "base64"
	// JunkText has no PEM block at all.
	JunkText Junk = "text"
)

// noDER begins with the octet of a constructed type whose length goes beyond the end.
const noDER = "conformance: no DER, but a sentence that somebody took for a certificate\n"

// PEM returns junk of the kind; nil for a kind that does not exist.
func (j Junk) PEM() []byte {
	switch j {
	case JunkCertificate:
		return encodePEM(pemCertificate, []byte(noDER))
	case JunkKey:
		return encodePEM(pemPrivateKey, []byte(noDER))
	case JunkBase64:
		return shorten(encodePEM(pemCertificate, []byte(noDER)))
	case JunkText:
		return []byte(noDER)
	}
	return nil
}

// shorten takes the last three characters off the base64 of a PEM block, whose last line has four at least: what is
// left cannot be decoded, as base64 comes in groups of four.
func shorten(block []byte) []byte {
	end := bytes.LastIndex(block, []byte("\n-----END "))
	return append(bytes.Clone(block[:end-3]), block[end:]...)
}
