package link

// Parameter is one of those by which an end is set up for TLS.
type Parameter string

// The parameters.
const (
	// Key, Certificate and Bundle name the files of the end's private key, its chain and its trust bundle.
	Key         Parameter = "key"
	Certificate Parameter = "certificate"
	Bundle      Parameter = "bundle"
	// CommonName and URISAN are the names that it requires of its peer.
	CommonName Parameter = "cn"
	URISAN     Parameter = "uri-san"
	// Revocations names the file of its revocation list, in DER.
	Revocations Parameter = "revocations"
	// ProxyBundle names the file of the authorities of those who may say for whom they ask. TokenKeys names that of the
	// public keys by which tokens are verified, SigningKey that of the private key by which the end signs its own.
	ProxyBundle Parameter = "proxy-bundle"
	TokenKeys   Parameter = "token-keys"
	SigningKey  Parameter = "signing-key"
	// BearerToken names the file of the token that a client shows.
	BearerToken Parameter = "token"
)

// Parameters lists every parameter.
var Parameters = []Parameter{Key, Certificate, Bundle, CommonName, URISAN, Revocations, ProxyBundle, TokenKeys, SigningKey, BearerToken}

// Form is how a parameter is given, where that is unlike its mode.
type Form string

// The forms that leave a parameter unset.
const (
	FormUnset Form = "unset"
	// FormBlank is an empty value, FormNone the word none, FormLineBreak a value with a line break at its end.
	FormBlank     Form = "blank"
	FormNone      Form = "none"
	FormLineBreak Form = "line-break"
	// FormDisregarded is a file that is no PEM, for an end that goes on as if there were none.
	FormDisregarded Form = "disregarded"
)

// The forms of a file that is of no use.
const (
	// FormMissing names a file that does not exist, FormFolder a folder, FormUnreadable a file that cannot be read.
	FormMissing    Form = "missing"
	FormFolder     Form = "folder"
	FormUnreadable Form = "unreadable"
	// FormEmpty is a file without octets, FormJunk one that is no PEM, FormJunkPEM one whose PEM holds no DER.
	FormEmpty   Form = "empty"
	FormJunk    Form = "junk"
	FormJunkPEM Form = "junk-pem"
	// FormEncrypted is a key under a passphrase, FormForeign the key of another certificate.
	FormEncrypted Form = "encrypted"
	FormForeign   Form = "foreign"
)

// The forms that count.
const (
	// FormPadded is a name with a blank after it, which is another name.
	FormPadded Form = "padded"
)

// Effect is what a form does to its parameter.
type Effect string

// The effects.
const (
	// Counts: the value is taken as it is.
	Counts Effect = "counts"
	// Unsets: the parameter is as good as not given.
	Unsets Effect = "unsets"
	// Spoils: the parameter is given and of no use.
	Spoils Effect = "spoils"
)

var effects = map[Form]Effect{
	FormUnset: Unsets, FormBlank: Unsets, FormNone: Unsets, FormLineBreak: Unsets, FormDisregarded: Unsets,
	FormMissing: Spoils, FormFolder: Spoils, FormUnreadable: Spoils,
	FormEmpty: Spoils, FormJunk: Spoils, FormJunkPEM: Spoils, FormEncrypted: Spoils, FormForeign: Spoils,
	FormPadded: Counts,
}

// Effect returns what the form does.
func (f Form) Effect() Effect { return effects[f] }

// Origin is where an end takes its parameters from.
type Origin string

// The origins.
const (
	// FromEnvironment: variables in upper case, as the documentation writes them.
	FromEnvironment Origin = ""
	// FromLowerCase: variables in lower case.
	FromLowerCase Origin = "lower-case"
	// FromFile: the configuration file; FromSections: one in which each parameter has a section of its own.
	FromFile     Origin = "file"
	FromSections Origin = "sections"
	// FromBoth: variables, beside a configuration file that gives every parameter another value.
	FromBoth Origin = "both"
	// FromOverrides: the variables that win over a configuration file, and no such file, for an end that has both.
	FromOverrides Origin = "overrides"
	// FromInline: the configuration file, in which parameters hold what their files would. FromMixture: one in which the trust
	// bundle is in a file, and the others are in the configuration file itself.
	FromInline  Origin = "inline"
	FromMixture Origin = "mixture"
	// FromPod: the variables and the files that Kubernetes gives to whoever runs in a pod.
	FromPod Origin = "pod"
)

// State is what an end makes of its parameters.
type State string

// The states.
const (
	// Plain: none is given, and it speaks plaintext.
	Plain State = "plain"
	// Secure: they are complete and sound, and it speaks TLS.
	Secure State = "secure"
	// Incomplete: some are given and some are not.
	Incomplete State = "incomplete"
	// Spoilt: they are complete, and one is of no use.
	Spoilt State = "spoilt"
)

// Effects says of each parameter that is given with the setting, where its mode asks for v, what is given. A file that is
// of no use is given all the same.
func (s Setting) Effects(v Verifier) map[Parameter]Effect {
	given := map[Parameter]Effect{}
	if !v.Plaintext() {
		given[Key], given[Certificate] = Counts, Counts
		for p, is := range map[Parameter]bool{Bundle: len(v.Trust) > 0, CommonName: v.CN != "", URISAN: v.URISAN != "", Revocations: v.Revokes} {
			if is {
				given[p] = Counts
			}
		}
	}
	for p, form := range s.Given {
		if given[p] = form.Effect(); given[p] == Unsets {
			delete(given, p)
		}
	}
	return given
}

// AllOrNothing is what an end makes of its parameters that needs key, certificate, trust bundle and at least one name, or
// none of them.
func AllOrNothing(given map[Parameter]Effect) State {
	has := func(p Parameter) bool { return given[p] != "" }
	switch {
	case len(given) == 0:
		return Plain
	case !has(Key) || !has(Certificate) || !has(Bundle) || !has(CommonName) && !has(URISAN):
		return Incomplete
	case spoilt(given):
		return Spoilt
	}
	return Secure
}

// Paired is what an end makes of its parameters that needs a key with its certificate, or neither.
func Paired(given map[Parameter]Effect) State {
	switch {
	case len(given) == 0:
		return Plain
	case (given[Key] == "") != (given[Certificate] == ""):
		return Incomplete
	case spoilt(given):
		return Spoilt
	}
	return Secure
}

// spoilt reports whether a parameter is given and of no use.
func spoilt(given map[Parameter]Effect) bool {
	for _, effect := range given {
		if effect == Spoils {
			return true
		}
	}
	return false
}

// Require returns what an end requires of its peer with the setting, where its mode asks for v.
func (s Setting) Require(v Verifier) Verifier {
	if s.Change != nil {
		v = s.Change(v)
	}
	for p, form := range s.Given {
		var name *string
		switch p {
		case CommonName:
			name = &v.CN
		case URISAN:
			name = &v.URISAN
		case Key, Certificate, Bundle, Revocations, ProxyBundle, TokenKeys, SigningKey, BearerToken:
			continue
		}
		switch {
		case form == FormPadded:
			*name += " "
		case form.Effect() == Unsets:
			*name = ""
		}
	}
	return v
}
