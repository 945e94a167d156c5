package harness

import (
	"context"
)

// meet runs the cases of two subjects that meet each other.
func (b *Batch) meet(context.Context) { b.broken("not yet") }
