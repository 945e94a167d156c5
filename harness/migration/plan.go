package migration

import "slices"

// complete are the steps of a migration by way of both names, short those of one that leaves both out. Where the graph
// leaves a choice, the step that stands first is recommended: a certificate gets its second name before anyone asks for
// it, and keeps the first until nobody does, so that going back takes no new certificate.
var (
	complete = []Step{
		{TyphaCertificate, CN, Both},
		{FelixCertificate, CN, Both},
		{TyphaSetting, CN, Both},
		{FelixSetting, CN, Both},
		{TyphaSetting, Both, URI},
		{FelixSetting, Both, URI},
		{TyphaCertificate, Both, URI},
		{FelixCertificate, Both, URI},
	}
	short = []Step{
		{TyphaCertificate, CN, URI},
		{FelixCertificate, CN, URI},
		{TyphaSetting, CN, URI},
		{FelixSetting, CN, URI},
	}
)

// Plan is what follows from which states connect.
type Plan struct {
	// Places holds what can be said of each state, in the order of [States].
	Places []Place
	// Complete counts the orders in which each piece is moved to Both and then to URI, Short those in which each is moved
	// to URI at once.
	Complete, Short Orders
	// Before lists which step must come before which in every complete order that keeps the connection. What follows
	// from others is left out, and that a piece passes Both before URI. Empty if no order keeps the connection.
	Before []Before
	// Suffices says that Before is all that matters: every complete order that holds to it keeps the connection.
	Suffices bool
	// Recommended is a complete order that keeps the connection, in as few phases as can be; nil if there is none.
	Recommended []Phase
}

// Place is a state and where it lies. Ways from state to state are by steps that move one piece forward, by one stage
// or by two.
type Place struct {
	State    State
	Connects bool
	// Reachable says that the state can be reached from [Start] without losing the connection.
	Reachable bool
	// GoalReachable says that [Goal] can be reached from the state without losing the connection.
	GoalReachable bool
}

// Orders counts orders of steps.
type Orders struct {
	// Kept counts those that connect in every state, Lost the others.
	Kept, Lost int
	// Breaks holds those that are lost by the first state that does not connect, in the order of [States].
	Breaks []Break
}

// Break is a state in which orders lose the connection, having kept it so far.
type Break struct {
	State State
	// Orders counts the orders.
	Orders int
	// Example is the beginning of one of them, up to the step that leads to the state; empty if that is [Start].
	Example []Step
}

// Before says that one step must come before another.
type Before struct{ First, Then Step }

// Phase is a number of steps that keep the connection in whatever order they are made, as long as each piece passes
// Both before URI; also several at once.
type Phase struct {
	Steps []Step
	// After holds the state after each of the steps, if they are made in their order.
	After []State
}

// Walk takes which states connect, and returns what follows. It asks once for each of [States], and returns equal plans
// for equal answers.
func Walk(connects func(State) bool) Plan {
	up := map[State]bool{}
	for _, s := range States() {
		up[s] = connects(s)
	}
	var p Plan
	either, long := newSurvey(up, slices.Concat(complete, short)), newSurvey(up, complete)
	for _, s := range States() {
		p.Places = append(p.Places, Place{s, up[s], either.arriving[s] > 0, either.leading[s] > 0})
	}
	p.Complete, p.Short = long.orders(), newSurvey(up, short).orders()
	if p.Complete.Kept == 0 {
		return p
	}
	p.Before = before(long)
	p.Suffices = suffice(p.Before, up)
	p.Recommended = recommend(up)
	return p
}
