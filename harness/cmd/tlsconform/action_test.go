package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/calico-tls/conformance/harness/target"
	"github.com/calico-tls/conformance/reports"
)

// What others use of .github, and how they name it.
const (
	githubFolder = "../../../.github"
	actionFolder = githubFolder + "/actions/conformance"
	actionUsed   = "calico-tls/conformance/.github/actions/conformance@v1"
	workflowUsed = "calico-tls/conformance/.github/workflows/conformance.yml@v1"
)

type input struct {
	Required bool `yaml:"required"`
}

// workflow is what is read of a workflow here.
type workflow struct {
	Jobs map[string]struct {
		Uses  string         `yaml:"uses"`
		With  map[string]any `yaml:"with"`
		Steps []call         `yaml:"steps"`
	} `yaml:"jobs"`
}

type call struct {
	Uses string         `yaml:"uses"`
	With map[string]any `yaml:"with"`
}

// TestWorkflowsNameInputsThatThereAre looks at what actionlint can't see: the inputs of an action of another repository.
func TestWorkflowsNameInputsThatThereAre(t *testing.T) {
	t.Parallel()
	var action struct {
		Inputs map[string]input `yaml:"inputs"`
	}
	decode(t, actionFolder+"/action.yml", &action)
	var reusable struct {
		On struct {
			Call struct {
				Inputs map[string]input `yaml:"inputs"`
			} `yaml:"workflow_call"`
		} `yaml:"on"`
	}
	decode(t, githubFolder+"/workflows/conformance.yml", &reusable)
	known := map[string]map[string]input{actionUsed: action.Inputs, workflowUsed: reusable.On.Call.Inputs}

	seen := 0
	for _, path := range found(t, "workflows/*.yml", "examples/*.yml") {
		var w workflow
		decode(t, path, &w)
		for _, job := range w.Jobs {
			for _, c := range append(job.Steps, call{job.Uses, job.With}) {
				inputs, ours := known[c.Uses]
				if !ours {
					if strings.HasPrefix(c.Uses, "calico-tls/") {
						t.Errorf("%s: wanted %s or %s, found %s", path, actionUsed, workflowUsed, c.Uses)
					}
					continue
				}
				seen++
				for name := range c.With {
					if _, has := inputs[name]; !has {
						t.Errorf("%s: %s has no input %s", path, c.Uses, name)
					}
				}
				for name, in := range inputs {
					if _, has := c.With[name]; in.Required && !has {
						t.Errorf("%s: %s wants the input %s", path, c.Uses, name)
					}
				}
			}
		}
	}
	if seen < 3 {
		t.Errorf("wanted the reusable workflow and two examples to use the action, found %d uses", seen)
	}
}

// TestActionKnowsEachMovement compares what the action takes as fail-on with what there is.
func TestActionKnowsEachMovement(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(actionFolder + "/judge")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range reports.Movements {
		names = append(names, string(m.Name))
	}
	want := strings.Join(append(names, "none"), " | ") + ") ;;"
	if !strings.Contains(string(script), want) {
		t.Errorf("wanted the action to take %q, found that nowhere in judge", want)
	}
}

// TestExampleTargetsAreRead reads the target files beside the examples.
func TestExampleTargetsAreRead(t *testing.T) {
	t.Parallel()
	for _, path := range found(t, "examples/*-target.yaml") {
		got, err := target.Load(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if !slices.ContainsFunc(got.Components, func(c target.Component) bool { return c.Role == target.Typha }) {
			t.Errorf("%s: wanted a Typha, found none", path)
		}
	}
}

// found returns the files below .github that match one of the patterns, of which each must match some.
func found(t *testing.T, patterns ...string) []string {
	t.Helper()
	var all []string
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(githubFolder, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("looking for %s: wanted files, found %v, %v", pattern, paths, err)
		}
		all = append(all, paths...)
	}
	return all
}

func decode(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
