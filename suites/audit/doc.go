// Package audit is the suite judging itself: which faults its cases see, what its packages may import, what others think
// of its oracle, and that no rule, variant or deviation is idle.
package audit
