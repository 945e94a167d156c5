package stub

import (
	"errors"
	"sync"
)

// verdicts are those that a faulty end keeps.
type verdicts struct {
	mu    sync.Mutex
	known bool
	last  error
	// refused says that the last peer was.
	refused bool
}

// on returns the verdict on a peer of whom an end thinks so: that on the one before, if it remembers that.
func (v *verdicts) on(p policy, err error) error {
	if p.quirk != remembers {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	before, known := v.last, v.known
	v.last, v.known = err, true
	if !known {
		return err
	}
	return before
}

// errNext is the verdict on whoever comes next, whoever it is.
var errNext = errors.New("the one before was refused")

// next returns the verdict on a peer before anything is known of it.
func (v *verdicts) next(p policy) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if refused := v.refused; refused && p.quirk == blocksNext {
		v.refused = false
		return errNext
	}
	return nil
}

// note notes that a peer was refused.
func (v *verdicts) note() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refused = true
}
