// Package matrix enumerates cases. A [Case] is plain data; its ID is for ever. No I/O, and no opinion on what should
// happen: that is the oracle's.
package matrix

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/link"
)

// Case is one connection, or one start, that is judged. All fields are tokens.
type Case struct {
	Link, Mode string
	// Subject is the component that is judged.
	Subject string
	// Client and Server are the variants that the two ends show.
	Client, Server string
	// Version is what is spoken.
	Version link.Version
	// Setting is what is unlike the mode's own configuration, Token a variant of a token, Conduct what the instrument
	// does unlike a well-behaved peer; "" for nothing.
	Setting, Token, Conduct string
}

// keys are the optional parts of an ID, in their order. A new key is added at the end.
var keys = []struct {
	name  string
	field func(*Case) *string
}{
	{"setting", func(c *Case) *string { return &c.Setting }},
	{"token", func(c *Case) *string { return &c.Token }},
	{"conduct", func(c *Case) *string { return &c.Conduct }},
}

// ID returns the case's ID, as in "felix-typha/cn/typha/client=expired/server=good/tls1.3". [Parse] is its inverse.
func (c Case) ID() string {
	parts := []string{c.Link, c.Mode, c.Subject, "client=" + c.Client, "server=" + c.Server, string(c.Version)}
	for _, key := range keys {
		if value := *key.field(&c); value != "" {
			parts = append(parts, key.name+"="+value)
		}
	}
	return strings.Join(parts, "/")
}

// token is what a part of an ID may consist of. "+" joins names, as in the setting unset-CAFile+ClientCN.
var token = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+-]*$`)

// shape is said in errors.
const shape = "LINK/MODE/SUBJECT/client=VARIANT/server=VARIANT/VERSION[/setting=…][/token=…][/conduct=…]"

// Parse reads an ID. It takes exactly what [Case.ID] returns: keys in their order, none empty, no other parts. It does
// not ask whether the names exist.
func Parse(id string) (Case, error) {
	parts := strings.Split(id, "/")
	if len(parts) < 6 {
		return Case{}, fmt.Errorf("parsing case ID %q: wanted %s, found %d parts", id, shape, len(parts))
	}
	c := Case{Link: parts[0], Mode: parts[1], Subject: parts[2], Version: link.Version(parts[5])}
	var ok bool
	if c.Client, ok = strings.CutPrefix(parts[3], "client="); !ok {
		return Case{}, fmt.Errorf("parsing case ID %q: wanted client=VARIANT as its part 4, found %q", id, parts[3])
	}
	if c.Server, ok = strings.CutPrefix(parts[4], "server="); !ok {
		return Case{}, fmt.Errorf("parsing case ID %q: wanted server=VARIANT as its part 5, found %q", id, parts[4])
	}
	if !slices.Contains(link.Versions, c.Version) {
		return Case{}, fmt.Errorf("parsing case ID %q: wanted one of %v as its part 6, found %q", id, link.Versions, parts[5])
	}
	rest := parts[6:]
	for _, key := range keys {
		if len(rest) == 0 {
			break
		}
		if value, ok := strings.CutPrefix(rest[0], key.name+"="); ok {
			*key.field(&c) = value
			rest = rest[1:]
			if value == "" {
				return Case{}, fmt.Errorf("parsing case ID %q: %s has no value", id, key.name)
			}
		}
	}
	if len(rest) > 0 {
		return Case{}, fmt.Errorf("parsing case ID %q: wanted setting=, token= and conduct= at most, in this order, found %q", id, rest[0])
	}
	for _, part := range []string{c.Link, c.Mode, c.Subject, c.Client, c.Server, c.Setting, c.Token, c.Conduct} {
		if part != "" && !token.MatchString(part) || part == "" && slices.Contains([]string{c.Link, c.Mode, c.Subject, c.Client, c.Server}, "") {
			return Case{}, fmt.Errorf("parsing case ID %q: %q is no name: wanted letters, digits, '.', '+' and '-'", id, part)
		}
	}
	return c, nil
}
