package audit_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	mistake = regexp.MustCompile("(?m)^\\| [A-Z].* \\| `([a-z_/]+\\.go)` \\| `([a-z/]+)`: (.*) \\|$")
	quoted  = regexp.MustCompile("`(\\w+)`")
)

// TestMistakesAreNoticedBySomebody: the files and the tests that the table of mistakes names are there.
func TestMistakesAreNoticedBySomebody(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("MISTAKES.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := mistake.FindAllStringSubmatch(string(table), -1)
	if lines := strings.Count(string(table), "\n| ") - strings.Count(string(table), "\n|---"); len(rows) < 15 || len(rows) != lines {
		t.Errorf("wanted at least 15 mistakes, and each of %d rows to be read, found %d", lines, len(rows))
	}
	for _, row := range rows {
		if _, err := os.Stat(filepath.Join("..", "..", row[1])); err != nil {
			t.Error(err)
		}
		declared := testsIn(t, row[2])
		for _, name := range quoted.FindAllStringSubmatch(row[3], -1) {
			if !strings.Contains(declared, "\nfunc "+name[1]+"(") {
				t.Errorf("%s has no test %s, which the table of mistakes names", row[2], name[1])
			}
		}
	}
}

// testsIn returns the text of a package's tests.
func testsIn(t *testing.T, pkg string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
