package handshake

import "strconv"

// Alert is a TLS alert description (RFC 8446 section 6), or [NoAlert].
type Alert int

// NoAlert says that no alert was received.
const NoAlert Alert = -1

// The alerts that the suite knows (RFC 8446 section 6, RFC 5246 section 7.2).
const (
	CloseNotify            Alert = 0
	UnexpectedMessage      Alert = 10
	RecordOverflow         Alert = 22
	HandshakeFailure       Alert = 40
	BadCertificate         Alert = 42
	UnsupportedCertificate Alert = 43
	CertificateRevoked     Alert = 44
	CertificateExpired     Alert = 45
	CertificateUnknown     Alert = 46
	IllegalParameter       Alert = 47
	UnknownCA              Alert = 48
	AccessDenied           Alert = 49
	DecodeError            Alert = 50
	DecryptError           Alert = 51
	ProtocolVersion        Alert = 70
	InternalError          Alert = 80
	NoRenegotiation        Alert = 100
	UnsupportedExtension   Alert = 110
	CertificateRequired    Alert = 116
)

var alertNames = map[Alert]string{
	NoAlert:                "",
	CloseNotify:            "close_notify",
	UnexpectedMessage:      "unexpected_message",
	RecordOverflow:         "record_overflow",
	HandshakeFailure:       "handshake_failure",
	BadCertificate:         "bad_certificate",
	UnsupportedCertificate: "unsupported_certificate",
	CertificateRevoked:     "certificate_revoked",
	CertificateExpired:     "certificate_expired",
	CertificateUnknown:     "certificate_unknown",
	IllegalParameter:       "illegal_parameter",
	UnknownCA:              "unknown_ca",
	AccessDenied:           "access_denied",
	DecodeError:            "decode_error",
	DecryptError:           "decrypt_error",
	ProtocolVersion:        "protocol_version",
	InternalError:          "internal_error",
	NoRenegotiation:        "no_renegotiation",
	UnsupportedExtension:   "unsupported_extension",
	CertificateRequired:    "certificate_required",
}

// String returns the alert's name in RFC 8446, as in "bad_certificate"; "" for NoAlert; "alert_N" if it is unknown.
func (a Alert) String() string {
	if name, ok := alertNames[a]; ok {
		return name
	}
	return "alert_" + strconv.Itoa(int(a))
}
