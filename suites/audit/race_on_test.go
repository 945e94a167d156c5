//go:build race

package audit_test

// raced says that the race detector is at work.
const raced = true
