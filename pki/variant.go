package pki

import (
	"crypto/x509"
	"strings"
)

// Variants is the table, by topic: names, chain, validity, usage, oddities, keys, signatures, possession, encoding. The
// names are for ever.
var Variants = []Variant{
	{Name: "good", Rules: []string{"IDENT-01", "IDENT-04", "IDENT-06"}, Text: "it is right in every respect", Change: keep},
	{Name: "none", Twin: "good", Breaks: CheckPresence, Rules: []string{"TYPHA-02"}, Text: "no certificate is sent", Change: sent(SendNothing)},

	{Name: "cn-absent", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-03", "IDENT-04", "IDENT-06", "IDENT-08"}, Text: "it has no Common Name: a leaf of the page's walk-through by SPIFFE ID", Change: cns()},
	{Name: "cn-other", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-02", "IDENT-06", "IDENT-08", "IDENT-09"}, Text: "its Common Name is another", Change: cns(stranger)},
	{Name: "cn-case", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-11"}, Text: "its Common Name is in upper case", Change: cns(strings.ToUpper)},
	{Name: "cn-longer", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-11"}, Text: "its Common Name goes on after the required one", Change: cns(with("", "-x"))},
	{Name: "cn-prefixed", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-11"}, Text: "its Common Name has a letter before the required one", Change: cns(with("x", ""))},
	{Name: "cn-shorter", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-11"}, Text: "its Common Name lacks the last letter of the required one", Change: cns(shortened)},
	{Name: "cn-space-before", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-11"}, Text: "its Common Name starts with a space", Change: cns(with(" ", ""))},
	{Name: "cn-space-after", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-11"}, Text: "its Common Name ends with a space", Change: cns(with("", " "))},
	{Name: "cn-wildcard", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-12"}, Text: "its Common Name is an asterisk", Change: cns(always("*"))},
	{Name: "cn-wildcard-prefix", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-12"}, Text: "its Common Name is the first word of the required one, then an asterisk", Change: cns(wildcard)},
	{Name: "cn-nul", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-15"}, Text: "its Common Name goes on after a NUL character", Change: cns(with("", "\x00.evil"))},
	{Name: "cn-lookalike", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-15"}, Text: "one letter of its Common Name only looks like the required one", Change: cns(lookalike)},
	{Name: "cn-in-dns", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-13"}, Text: "the required Common Name stands in a DNS SAN instead", Change: all(cns(), leaf(func(t *Template, o Origin) { t.DNSNames = []string{o.Own.CN} }))},
	{Name: "cn-in-email", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-13"}, Text: "the required Common Name stands in an e-mail SAN instead", Change: all(cns(), leaf(func(t *Template, o Origin) { t.EmailAddresses = []string{o.Own.CN} }))},
	{Name: "cn-in-o", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-13"}, Text: "the required Common Name stands in the Organization instead", Change: all(cns(), leaf(func(t *Template, o Origin) { t.Organizations = []string{o.Own.CN} }))},
	{Name: "cn-in-ou", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-13"}, Text: "the required Common Name stands in the Organizational Unit instead", Change: all(cns(), leaf(func(t *Template, o Origin) { t.OrganizationalUnits = []string{o.Own.CN} }))},
	{Name: "cn-good-last", Touches: TouchesCN, Rules: []string{"IDENT-16"}, Text: "it has two Common Names, of which the required one is the last", Change: cns(stranger, same)},
	{Name: "cn-good-first", Twin: "cn-good-last", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-16"}, Text: "it has two Common Names, of which the required one is the first", Change: cns(same, stranger)},
	{Name: "uri-is-cn", Twin: "good", Breaks: CheckIdentity, Touches: TouchesCN, Rules: []string{"IDENT-14"}, Text: "the required Common Name stands in the URI SAN instead", Change: all(cns(), leaf(func(t *Template, o Origin) { t.URIs = []string{o.Own.CN} }))},

	{Name: "uri-absent", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-05", "IDENT-01", "IDENT-06", "IDENT-08"}, Text: "it has no URI SAN: a leaf of the page's walk-through by Common Name", Change: uris()},
	{Name: "uri-other", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-05", "IDENT-06", "IDENT-08", "IDENT-09"}, Text: "its URI SAN is another of the same trust domain", Change: uris(strangerURI)},
	{Name: "uri-path-longer", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17"}, Text: "its URI SAN has one more segment in its path", Change: uris(with("", "/x"))},
	{Name: "uri-path-shorter", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17"}, Text: "its URI SAN lacks the last letter of the required one", Change: uris(shortened)},
	{Name: "uri-path-case", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17"}, Text: "the path of its URI SAN is in upper case", Change: uris(path(strings.ToUpper))},
	{Name: "uri-trailing-slash", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17"}, Text: "its URI SAN ends with a slash", Change: uris(with("", "/"))},
	{Name: "uri-query", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17"}, Text: "its URI SAN has a query", Change: uris(with("", "?x=1"))},
	{Name: "uri-port", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17"}, Text: "its URI SAN has a port", Change: uris(domain(with("", ":8443")))},
	{Name: "uri-userinfo", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17"}, Text: "its URI SAN has a user before the trust domain", Change: uris(domain(with("user@", "")))},
	{Name: "uri-fragment", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17"}, Text: "its URI SAN has a fragment", Change: uris(with("", "#x"))},
	{Name: "uri-fragment-empty", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-18"}, Text: "its URI SAN ends with an empty fragment", Change: uris(with("", "#"))},
	{Name: "uri-percent", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17"}, Text: "the last letter of its URI SAN is percent-encoded", Change: uris(percentEncoded)},
	{Name: "uri-dot-segment", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17"}, Text: "the path of its URI SAN starts with a segment that is a dot", Change: uris(path(with("/.", "")))},
	{Name: "uri-domain-other", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17", "IDENT-05"}, Text: "its URI SAN is of another trust domain", Change: uris(domain(always(otherDomain)))},
	{Name: "uri-domain-case", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-19"}, Text: "the trust domain of its URI SAN is in upper case", Change: uris(domain(strings.ToUpper))},
	{Name: "uri-domain-longer", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17"}, Text: "the trust domain of its URI SAN goes on after the required one", Change: uris(domain(with("", ".example.net")))},
	{Name: "uri-scheme-case", Touches: TouchesURI, Rules: []string{"IDENT-18"}, Text: "the scheme of its URI SAN is in upper case", Change: uris(scheme(strings.ToUpper))},
	{Name: "uri-scheme-other", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-17", "IDENT-21"}, Text: "the scheme of its URI SAN is https", Change: uris(scheme(always("https")))},
	{Name: "uri-in-dns", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-05", "IDENT-13"}, Text: "the required SPIFFE ID stands in a DNS SAN instead", Change: all(uris(), leaf(func(t *Template, o Origin) { t.DNSNames = []string{o.Own.URISAN} }))},
	{Name: "uri-good-first", Touches: TouchesURI, Rules: []string{"IDENT-20"}, Text: "it has two URI SANs, of which the required one is the first", Change: uris(same, strangerURI)},
	{Name: "uri-good-last", Touches: TouchesURI, Rules: []string{"IDENT-20"}, Text: "it has two URI SANs, of which the required one is the last", Change: uris(strangerURI, same)},
	{Name: "cn-is-uri", Twin: "good", Breaks: CheckIdentity, Touches: TouchesURI, Rules: []string{"IDENT-14"}, Text: "the required SPIFFE ID stands in the Common Name instead", Change: all(uris(), leaf(func(t *Template, o Origin) { t.CommonNames = []string{o.Own.URISAN} }))},

	{Name: "id-other", Twin: "good", Breaks: CheckIdentity, Touches: TouchesBoth, Rules: []string{"IDENT-07"}, Text: "its Common Name and its URI SAN are others", Change: all(cns(stranger), uris(strangerURI))},
	{Name: "id-absent", Twin: "good", Breaks: CheckIdentity, Touches: TouchesBoth, Rules: []string{"IDENT-07"}, Text: "it has neither a Common Name nor a URI SAN", Change: all(cns(), uris())},
	{Name: "cn-other-uri-absent", Twin: "good", Breaks: CheckIdentity, Touches: TouchesBoth, Rules: []string{"IDENT-07"}, Text: "its Common Name is another, and it has no URI SAN", Change: all(cns(stranger), uris())},
	{Name: "cn-absent-uri-other", Twin: "good", Breaks: CheckIdentity, Touches: TouchesBoth, Rules: []string{"IDENT-07"}, Text: "it has no Common Name, and its URI SAN is another", Change: all(cns(), uris(strangerURI))},
	{Name: "peer-identity", Twin: "eku-both", Breaks: CheckIdentity, Rules: []string{"IDENT-25"}, Text: "it names the opposite end, and allows both usages", Change: all(usages(serverAuth, clientAuth), named(func(o Origin) Identity { return o.Peer }))},

	{Name: "other-authority", Twin: "good", Breaks: CheckChain, Rules: []string{"IDENT-40", "IDENT-10"}, Text: "an authority signed it that nobody trusts", Change: signedBy(Untrusted)},
	{Name: "same-name-authority", Twin: "good", Breaks: CheckChain, Rules: []string{"IDENT-41"}, Text: "an authority signed it that has the trusted one's name and another key", Change: signedBy(SameName)},
	{Name: "self-signed", Twin: "good", Breaks: CheckChain, Rules: []string{"IDENT-42"}, Text: "it signed itself", Change: signedBy(SelfSigned)},
	{Name: "authority-second", Twin: "good", Breaks: CheckChain, Setting: true, Rules: []string{"IDENT-43"}, Text: "the second authority signed it", Change: signedBy(Second)},
	{Name: "authority-third", Twin: "good", Breaks: CheckChain, Setting: true, Rules: []string{"IDENT-43"}, Text: "the third authority signed it", Change: signedBy(Third)},
	{Name: "authority-fourth", Twin: "good", Breaks: CheckChain, Setting: true, Rules: []string{"IDENT-43"}, Text: "the fourth authority signed it", Change: signedBy(Fourth)},
	{Name: "authority-fifth", Twin: "good", Breaks: CheckChain, Setting: true, Rules: []string{"IDENT-43"}, Text: "the fifth authority signed it", Change: signedBy(Fifth)},
	{Name: "root-expired", Twin: "good", Breaks: CheckValidity, Setting: true, Rules: []string{"IDENT-48"}, Text: "an authority signed it whose own certificate has expired", Change: signedBy(ExpiredRoot)},
	{Name: "intermediate", Rules: []string{"IDENT-44"}, Text: "an intermediate authority signed it, and is sent with it", Change: under()},
	{Name: "intermediate-other-authority", Twin: "intermediate", Breaks: CheckChain, Rules: []string{"IDENT-40", "IDENT-10"}, Text: "an intermediate authority signed it, and is sent with it, that is below an authority that nobody trusts", Change: all(under(), signedBy(Untrusted))},
	{Name: "intermediate-omitted", Twin: "intermediate", Breaks: CheckChain, Rules: []string{"IDENT-45", "IDENT-46"}, Text: "an intermediate authority signed it, and is not sent with it", Change: all(under(), sent(SendLeaf))},
	{Name: "intermediate-expired", Twin: "intermediate", Breaks: CheckValidity, Rules: []string{"IDENT-48"}, Text: "the intermediate authority has expired", Change: under(func(t *Template, _ Origin) { t.NotAfter = past })},
	{Name: "intermediate-not-yet-valid", Twin: "intermediate", Breaks: CheckValidity, Rules: []string{"IDENT-48", "IDENT-47"}, Text: "the intermediate authority is not valid yet", Change: under(func(t *Template, _ Origin) { t.NotBefore = future })},
	{Name: "intermediate-eku-same", Rules: []string{"IDENT-52"}, Text: "the intermediate authority restricts itself to the usage of the leaf", Change: under(func(t *Template, o Origin) { t.Usages = []x509.ExtKeyUsage{o.Role.Usage()} })},
	{Name: "intermediate-eku-other", Twin: "intermediate-eku-same", Breaks: CheckEKU, Rules: []string{"IDENT-52"}, Text: "the intermediate authority restricts itself to the usage of the opposite end", Change: under(func(t *Template, o Origin) { t.Usages = []x509.ExtKeyUsage{o.Role.Other().Usage()} })},
	{Name: "intermediate-critical-extension", Twin: "intermediate", Breaks: CheckChain, Rules: []string{"IDENT-55"}, Text: "the intermediate authority has a critical extension that nobody knows", Change: under(func(t *Template, _ Origin) { t.CriticalUnknown = true })},
	{Name: "path-length-kept", Rules: []string{"IDENT-53"}, Text: "two intermediate authorities stand above it, the upper of which allows one below", Change: twoDeep(1)},
	{Name: "path-length-exceeded", Twin: "path-length-kept", Breaks: CheckChain, Rules: []string{"IDENT-53"}, Text: "two intermediate authorities stand above it, the upper of which allows none below", Change: twoDeep(0)},
	{Name: "issuer-not-ca", Twin: "intermediate", Breaks: CheckChain, Rules: []string{"IDENT-53"}, Text: "a certificate signed it that is no authority", Change: under(func(t *Template, _ Origin) { t.CA = false })},
	{Name: "critical-extension", Twin: "good", Breaks: CheckChain, Rules: []string{"IDENT-55"}, Text: "it has a critical extension that nobody knows", Change: leaf(func(t *Template, _ Origin) { t.CriticalUnknown = true })},
	{Name: "constraint-permitted", Rules: []string{"IDENT-56"}, Text: "the intermediate authority permits the trust domain of the leaf alone", Change: under(permit(ownDomain))},
	{Name: "constraint-leading-dot", Rules: []string{"IDENT-56"}, Text: "the intermediate authority permits what lies below the parent of the leaf's trust domain", Change: under(permit(belowParent))},
	{Name: "constraint-other-domain", Twin: "constraint-permitted", Breaks: CheckChain, Rules: []string{"IDENT-56"}, Text: "the intermediate authority permits another trust domain alone", Change: under(permit(always(otherDomain)))},
	{Name: "constraint-excluded-other", Rules: []string{"IDENT-56"}, Text: "the intermediate authority excludes another trust domain", Change: under(exclude(always(otherDomain)))},
	{Name: "constraint-excluded", Twin: "constraint-excluded-other", Breaks: CheckChain, Rules: []string{"IDENT-56"}, Text: "the intermediate authority excludes the trust domain of the leaf", Change: under(exclude(ownDomain))},
	{Name: "constraint-cn-only", Touches: TouchesCN, Rules: []string{"IDENT-56"}, Text: "the intermediate authority permits another trust domain alone, and the leaf has no URI SAN", Change: all(under(permit(always(otherDomain))), uris())},
	{Name: "issuer-identity", Twin: "intermediate", Breaks: CheckIdentity, Rules: []string{"IDENT-22"}, Text: "the required names stand in the intermediate authority, and others in the leaf", Change: all(under(func(t *Template, o Origin) { t.CommonNames, t.URIs = []string{o.Own.CN}, []string{o.Own.URISAN} }), cns(stranger), uris(strangerURI))},
	{Name: "first-certificate", Rules: []string{"IDENT-23"}, Text: "a leaf with other names is sent after it", Change: extra(good, unnamed)},
	{Name: "second-certificate", Twin: "first-certificate", Breaks: CheckIdentity, Rules: []string{"IDENT-23"}, Text: "a leaf with other names is sent before it", Change: extra(unnamed, good)},

	{Name: "expired", Twin: "good", Breaks: CheckValidity, Rules: []string{"IDENT-47"}, Text: "it has expired", Change: leaf(func(t *Template, _ Origin) { t.NotAfter = past })},
	{Name: "not-yet-valid", Twin: "good", Breaks: CheckValidity, Rules: []string{"IDENT-47"}, Text: "it is not valid yet", Change: leaf(func(t *Template, _ Origin) { t.NotBefore = future })},
	{Name: "just-valid", Rules: []string{"IDENT-62"}, Text: "its validity began two seconds before it was issued", Change: leaf(func(t *Template, _ Origin) { t.NotBefore = -skew })},
	{Name: "just-expired", Twin: "just-valid", Breaks: CheckValidity, Rules: []string{"IDENT-62"}, Text: "it had expired two seconds before it was issued", Change: leaf(func(t *Template, _ Origin) { t.NotAfter = -skew })},

	{Name: "eku-absent", Rules: []string{"IDENT-51"}, Text: "it has no extended key usage", Change: usages()},
	{Name: "eku-both", Rules: []string{"IDENT-51"}, Text: "it allows both client and server authentication", Change: usages(serverAuth, clientAuth)},
	{Name: "eku-any", Rules: []string{"IDENT-51"}, Text: "it allows any usage", Change: usages(x509.ExtKeyUsageAny)},
	{Name: "eku-other-role", Twin: "good", Breaks: CheckEKU, Rules: []string{"IDENT-49", "IDENT-50", "IDENT-26"}, Text: "it allows the usage of the opposite end alone", Change: leaf(func(t *Template, o Origin) { t.Usages = []x509.ExtKeyUsage{o.Role.Other().Usage()} })},
	{Name: "eku-unrelated", Twin: "good", Breaks: CheckEKU, Rules: []string{"IDENT-49", "IDENT-50"}, Text: "it allows code signing alone", Change: usages(x509.ExtKeyUsageCodeSigning)},

	{Name: "ca-leaf", Rules: []string{"IDENT-54"}, Text: "it is an authority itself", Change: leaf(func(t *Template, _ Origin) { t.CA = true })},
	{Name: "key-usage-cert-sign", Rules: []string{"IDENT-54"}, Text: "its key usage is to sign certificates", Change: leaf(func(t *Template, _ Origin) { t.KeyUsage = x509.KeyUsageCertSign })},
	{Name: "operator-shape", Touches: TouchesCN, Rules: []string{"CONF-15"}, Text: "it is shaped as the operator does: RSA-2048, both usages, its Common Name in a DNS SAN, no URI SAN, 825 days, the root sent with it", Change: all(leaf(operatorShape), sent(SendRoot))},
	{Name: "hard-way", Touches: TouchesCN, Setting: true, Rules: []string{"CONF-16"}, Text: "it is shaped as the manual installation does: RSA-4096 below an authority of RSA-4096, no extension at all, 365 days", Change: all(leaf(hardWayShape(Bare)), signedBy(HardWayRoot))},
	{Name: "hard-way-v1", Touches: TouchesCN, Setting: true, Rules: []string{"CONF-16"}, Text: "it is shaped as the manual installation does, and is of X.509 version 1", Change: all(leaf(hardWayShape(Version1)), signedBy(HardWayRoot))},
	{Name: "spiffe-svid", Touches: TouchesURI, Rules: []string{"IDENT-51", "IDENT-04"}, Text: "it is an X509-SVID to the letter: one URI SAN, no Common Name, both usages, and it says that it is no authority", Change: leaf(svidShape)},
	{Name: "host-other", Twin: "good", Breaks: CheckIdentity, Touches: TouchesHost, Rules: []string{"FELIX-05", "IDENT-09", "ETCD-10", "KAPI-03"}, Text: "it has the DNS name and the IP address of another host", Change: leaf(hostOther)},
	{Name: "host-absent", Twin: "good", Breaks: CheckIdentity, Touches: TouchesHost, Rules: []string{"ETCD-10", "KAPI-03"}, Text: "it has neither DNS name nor IP address", Change: hosts(nil, nil)},
	{Name: "host-in-cn", Twin: "good", Breaks: CheckIdentity, Touches: TouchesHost, Rules: []string{"ETCD-10", "KAPI-03"}, Text: "its host stands in the Common Name, and in no SAN", Change: all(hosts(nil, nil), leaf(func(t *Template, o Origin) { t.CommonNames = []string{o.Own.IPAddress} }))},
	{Name: "host-name-only", Twin: "good", Breaks: CheckIdentity, Touches: TouchesHost, Rules: []string{"ETCD-10", "KAPI-03"}, Text: "it has its host's DNS name and not the IP address by which it is dialled", Change: leaf(func(t *Template, _ Origin) { t.IPAddresses = nil })},
	{Name: "host-address-as-name", Twin: "good", Breaks: CheckIdentity, Touches: TouchesHost, Rules: []string{"ETCD-10", "KAPI-03"}, Text: "the IP address by which it is dialled stands in a DNS SAN", Change: leaf(func(t *Template, o Origin) { t.DNSNames, t.IPAddresses = []string{o.Own.IPAddress}, nil })},
	{Name: "host-ipv6", Twin: "good", Breaks: CheckIdentity, Touches: TouchesHost, Setting: true, Rules: []string{"ETCD-29"}, Text: "it has the IPv6 address of its host, and not the other one", Change: leaf(func(t *Template, _ Origin) { t.IPAddresses = []string{"::1"} })},
	{Name: "host-several", Touches: TouchesHost, Rules: []string{"ETCD-10", "KAPI-03"}, Text: "it has other hosts' names and addresses before its own", Change: leaf(hostSeveral)},
	{Name: "revoked", Setting: true, Rules: []string{"IDENT-61"}, Text: "its serial number is on the revocation list", Change: leaf(func(t *Template, _ Origin) { t.Serial = RevokedSerial })},

	{Name: "key-p224", Versions: []string{"tls1.2"}, Rules: []string{"IDENT-58"}, Text: "its key is ECDSA P-224", Change: keyed(P224)},
	{Name: "key-p384", Rules: []string{"IDENT-57"}, Text: "its key is ECDSA P-384", Change: keyed(P384)},
	{Name: "key-p521", Rules: []string{"IDENT-57"}, Text: "its key is ECDSA P-521", Change: keyed(P521)},
	{Name: "key-ed25519", Rules: []string{"IDENT-57"}, Text: "its key is Ed25519", Change: keyed(Ed25519)},
	{Name: "key-rsa-1024", Rules: []string{"IDENT-58"}, Text: "its key is RSA of 1024 bits", Change: keyed(RSA1024)},
	{Name: "key-rsa-2048", Rules: []string{"IDENT-57"}, Text: "its key is RSA of 2048 bits", Change: keyed(RSA2048)},
	{Name: "key-rsa-3072", Rules: []string{"IDENT-57"}, Text: "its key is RSA of 3072 bits", Change: keyed(RSA3072)},
	{Name: "key-rsa-4096", Rules: []string{"IDENT-57"}, Text: "its key is RSA of 4096 bits", Change: keyed(RSA4096)},
	{Name: "key-rsa-8200", Twin: "key-rsa-4096", Breaks: CheckEncoding, Rules: []string{"IDENT-58"}, Text: "its key is RSA of 8200 bits", Change: keyed(RSA8200)},
	{Name: "issuer-p384", Rules: []string{"IDENT-57"}, Text: "the key of the intermediate authority is ECDSA P-384", Change: underKey(P384)},
	{Name: "issuer-p521", Rules: []string{"IDENT-57"}, Text: "the key of the intermediate authority is ECDSA P-521", Change: underKey(P521)},
	{Name: "issuer-ed25519", Rules: []string{"IDENT-57"}, Text: "the key of the intermediate authority is Ed25519", Change: underKey(Ed25519)},
	{Name: "issuer-rsa-2048", Rules: []string{"IDENT-57"}, Text: "the key of the intermediate authority is RSA of 2048 bits", Change: underKey(RSA2048)},
	{Name: "issuer-rsa-4096", Rules: []string{"IDENT-57"}, Text: "the key of the intermediate authority is RSA of 4096 bits", Change: underKey(RSA4096)},

	{Name: "sha1", Twin: "good", Breaks: CheckChain, Rules: []string{"IDENT-59"}, Text: "the signature over it is made with SHA-1", Change: leaf(func(t *Template, _ Origin) { t.Digest = SHA1 })},
	{Name: "intermediate-sha1", Twin: "intermediate", Breaks: CheckChain, Rules: []string{"IDENT-59"}, Text: "the signature over the intermediate authority is made with SHA-1", Change: under(func(t *Template, _ Origin) { t.Digest = SHA1 })},
	{Name: "md5", Twin: "issuer-rsa-2048", Breaks: CheckChain, Rules: []string{"IDENT-59"}, Text: "the signature over it, of an intermediate authority with RSA of 2048 bits, is made with MD5", Change: all(underKey(RSA2048), leaf(func(t *Template, _ Origin) { t.Digest = MD5 }))},

	{Name: "wrong-key", Twin: "good", Breaks: CheckPossession, Rules: []string{"IDENT-24"}, Text: "the end signs with a key that is not the leaf's", Change: foreignKey},

	{Name: "malformed", Twin: "good", Breaks: CheckEncoding, Rules: []string{"IDENT-60"}, Text: "its DER is broken", Change: sent(SendMalformed)},
	{Name: "chain-long", Rules: []string{"IDENT-60"}, Text: "so many copies of the root are sent with it that they take 42 kB", Change: padded(42_000)},
	{Name: "chain-oversized", Twin: "chain-long", Breaks: CheckEncoding, Rules: []string{"IDENT-60"}, Text: "so many copies of the root are sent with it that they take 350 kB", Change: padded(350_000)},
}

// Variant is one way in which a credential may differ from the good one.
type Variant struct {
	// Name is the token in case IDs. It is never reused or renamed.
	Name string
	// Twin names the variant that must be accepted and from which this one differs in exactly one attribute.
	// It is "" for variants that break nothing.
	Twin string
	// Breaks is the one check that fails ("" if none does) for a relying party whose trust bundle holds Trusted,
	// ExpiredRoot and HardWayRoot, and which requires the names that Touches says, as Origin.Own has them, having dialled
	// its IP address. Every other check holds.
	Breaks Check
	// Touches says which names a relying party must require so that the variant tells something: TouchesCN and
	// TouchesURI that name alone, TouchesBoth both, of which either suffices; TouchesHost the host. With TouchesNone it is
	// the same for all.
	Touches Touched
	// Versions are the TLS versions in which it can be posed, as "tls1.2"; empty for every one.
	Versions []string
	// Setting says that it tells something only under a setting that names it, such as a trust bundle with its
	// authority.
	Setting bool
	// Rules are the rules that this variant was made for, the most telling first.
	Rules []string
	// Text says what the credential looks like, as one would say it: "its Common Name is in upper case".
	Text string
	// Change makes the variant from the good credential c of from.Own in from.Role. It leaves c as it is.
	Change func(c Credential, from Origin) Credential
}

// Origin is what a variant is made from.
type Origin struct {
	Role Role
	// Own is the identity that the credential should name, Peer that of the opposite end. Variants of a name want an
	// Own that has it.
	Own, Peer Identity
}

// Touched says which names a variant is about.
type Touched string

// The names that a variant may be about.
const (
	TouchesNone Touched = ""
	TouchesCN   Touched = "cn"
	TouchesURI  Touched = "uri"
	TouchesBoth Touched = "both"
	// TouchesHost is for the host by which a server is dialled.
	TouchesHost Touched = "host"
)

// RevokedSerial is the serial number of the variant "revoked".
const RevokedSerial = 0x5245564f4b4544

// VariantNamed returns the variant of that name.
func VariantNamed(name string) (Variant, bool) {
	for _, v := range Variants {
		if v.Name == name {
			return v, true
		}
	}
	return Variant{}, false
}

// Credential returns what an end shows as this variant.
func (v Variant) Credential(from Origin) Credential { return v.Change(Good(from.Role, from.Own), from) }
