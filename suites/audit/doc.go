// Package audit is the suite judging itself: what its packages may import, and that no rule, variant or deviation is
// idle.
package audit
