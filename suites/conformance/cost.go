package conformance

import (
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/matrix"
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
	{"the reference", LaunchInProcess, 350, 100},
	{"built components", LaunchProcess, 100, 10},
	{"built components", LaunchContainer, 60, 5},
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
func (p Pace) Estimate(cases []matrix.Case) time.Duration {
	return p.of(len(cases), len(harness.Plan(cases)))
}

func (p Pace) of(cases, starts int) time.Duration {
	return time.Duration((float64(cases)/p.Cases + float64(starts)/p.Starts) * float64(time.Second))
}
