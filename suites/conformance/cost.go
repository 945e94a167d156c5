package conformance

import (
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/target"
)

// Pace is how fast cases are judged on two quiet cores. It is an estimate: machines differ, and so do cases.
type Pace struct {
	// What says of what components, Launch how they are launched.
	What, Launch string
	// Cases and Starts are how many there are of them in a second, one after the other.
	Cases, Starts float64
}

// Paces lists the paces, the fastest first.
var Paces = []Pace{
	{"the reference", LaunchInProcess, 500, 200},
	{"built components", LaunchProcess, 120, 14},
	{"built components", LaunchContainer, 100, 7},
}

// paceOf returns the pace of a launch; that of containers for what is not known before the run begins.
func paceOf(launch string) Pace {
	for _, p := range Paces {
		if p.Launch == launch {
			return p
		}
	}
	return Paces[len(Paces)-1]
}

// Estimate returns about how long cases take.
func (p Pace) Estimate(cases []matrix.Case) time.Duration { return p.of(len(cases), Starts(cases)) }

// Starts returns how often cases start their subjects.
func Starts(cases []matrix.Case) int {
	n := 0
	for _, b := range harness.Plan(cases) {
		if startsAnew(b) {
			n += len(b.Cases)
		} else {
			n++
		}
	}
	return n
}

// startsAnew reports whether the subject of a batch is started for each of its cases, as it does not dial again soon.
func startsAnew(b *harness.Batch) bool {
	described, ok := components[play{b.Link, target.Role(b.Subject)}]
	if !ok {
		return false
	}
	dials := described.real(nil).Dials
	return dials == component.DialsOnce || dials == component.DialsAtOnce
}

func (p Pace) of(cases, starts int) time.Duration {
	return time.Duration((float64(cases)/p.Cases + float64(starts)/p.Starts) * float64(time.Second))
}
