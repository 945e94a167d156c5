package target

import (
	"regexp"
	"slices"

	"github.com/distribution/reference"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/launch"
)

// imageFile is an image: its reference alone, or what is to be said of it besides.
type imageFile struct {
	Reference fixtures.Text `yaml:"reference"`
	Archive   fixtures.Text `yaml:"archive"`
	Pull      fixtures.Text `yaml:"pull"`
	Platform  fixtures.Text `yaml:"platform"`
}

// UnmarshalYAML implements the YAML library's NodeUnmarshaler.
func (i *imageFile) UnmarshalYAML(node ast.Node) error {
	if anchor, is := node.(*ast.AnchorNode); is {
		node = anchor.Value
	}
	if _, is := node.(ast.MapNode); !is {
		return i.Reference.UnmarshalYAML(node)
	}
	type plain imageFile
	return yaml.NodeToValue(node, (*plain)(i), yaml.Strict())
}

// pulls are the policies.
var pulls = []string{string(launch.PullMissing), string(launch.PullAlways), string(launch.PullNever)}

// platformForm is what a platform looks like.
var platformForm = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$`)

// image reads the way of an image.
func (p *parsed) image(raw imageFile) (Source, error) {
	s := Source{Way: Image, Value: string(raw.Reference), Pull: launch.PullPolicy(raw.Pull), Platform: string(raw.Platform)}
	if s.Value != "" || raw.Archive == "" {
		if _, err := reference.ParseNormalizedNamed(s.Value); err != nil {
			return s, advised("an image's reference looks like images.example/typha:4.2", "wanted an image's reference, found %q", s.Value)
		}
	}
	if s.Pull != "" && !slices.Contains(pulls, string(s.Pull)) {
		return s, advised(fixtures.Among(string(s.Pull), pulls), "pull: there is no policy %q", s.Pull)
	}
	if s.Platform != "" && !platformForm.MatchString(s.Platform) {
		return s, advised("a platform looks like linux/amd64", "platform: wanted a system and an architecture, found %q", s.Platform)
	}
	if raw.Archive == "" {
		return s, nil
	}
	if s.Pull != "" {
		return s, advised("leave out pull or archive", "pull: an image of an archive is not pulled")
	}
	var err error
	s.Archive, err = p.path(string(raw.Archive))
	return s, err
}
