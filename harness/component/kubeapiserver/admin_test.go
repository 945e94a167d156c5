package kubeapiserver

import (
	"slices"
	"testing"
)

func TestUnestablished(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]string{
		`{"items": []}`: nil,
		`{"items": [{"metadata": {"name": "a"}, "status": {"conditions": [{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}]}}]}`: nil,
		`{"items": [{"metadata": {"name": "a"}, "status": {"conditions": [{"type": "Established", "status": "False"}]}}, {"metadata": {"name": "b"}}]}`:                {"a", "b"},
		`{"items": [{"metadata": {"name": "a"}, "status": {"conditions": [{"type": "NamesAccepted", "status": "True"}]}}]}`:                                            {"a"},
		`forbidden`: {"forbidden"},
	} {
		if got := unestablished([]byte(list)); !slices.Equal(got, want) {
			t.Errorf("%s: wanted %q, found %q", list, want, got)
		}
	}
}
