package reports

// Migration says in which orders Typha and Felix were found to move from Common Names to SPIFFE IDs without losing the
// connection between them.
type Migration struct {
	// Basis says what decides which states connect: "observed" if of each it was proven whether it accepts or refuses, else
	// "expected".
	Basis string `json:"basis"`
	// States holds all 81 states, sorted by their stages, "cn" before "both" before "uri".
	States []MigrationState `json:"states"`
	Orders MigrationRoutes  `json:"orders"`
	// Before lists which step must come before which in every complete order that keeps the connection. What follows from
	// others is left out, and that a piece passes "both" before "uri". Empty if no order keeps the connection.
	Before []MigrationBefore `json:"before"`
	// BeforeSuffices says that every complete order which holds to Before keeps the connection.
	BeforeSuffices bool `json:"beforeSuffices"`
	// Recommended is a complete order that keeps the connection, in as few phases as can be. Empty if there is none.
	Recommended []MigrationPhase `json:"recommended"`
}

// MigrationStages say which names each piece requires or holds: "cn" for a Common Name only, "both", or "uri" for a
// SPIFFE ID only.
type MigrationStages struct {
	TyphaSetting     string `json:"typhaSetting"`
	FelixSetting     string `json:"felixSetting"`
	TyphaCertificate string `json:"typhaCertificate"`
	FelixCertificate string `json:"felixCertificate"`
}

// MigrationState is one state, with the case that poses it.
type MigrationState struct {
	Stages MigrationStages `json:"stages"`
	// ID is the case's ID.
	ID string `json:"id"`
	// Expected and Observed are outcomes as in [Behaviour]; Observed is "" if the case did not run, or could not be told.
	// ExpectedBy and ObservedBy are the sides that refuse.
	Expected   string `json:"expected"`
	ExpectedBy string `json:"expectedBy,omitempty"`
	Observed   string `json:"observed,omitempty"`
	ObservedBy string `json:"observedBy,omitempty"`
	// Reachable says that the state can be reached from the first one without losing the connection, GoalReachable that
	// the last one can be reached from it so, by steps that move one piece forward.
	Reachable     bool `json:"reachable"`
	GoalReachable bool `json:"goalReachable"`
}

// MigrationRoutes counts the orders of both kinds.
type MigrationRoutes struct {
	// Complete orders move each piece to "both" and then to "uri", short ones at once to "uri".
	Complete MigrationOrders `json:"complete"`
	Short    MigrationOrders `json:"short"`
}

// MigrationOrders counts orders of steps.
type MigrationOrders struct {
	// Kept counts those that connect in every state, Lost the others.
	Kept int `json:"kept"`
	Lost int `json:"lost"`
	// Breaks holds those lost, by the first state that does not connect.
	Breaks []MigrationBreak `json:"breaks"`
}

// MigrationBreak is a state in which orders lose the connection.
type MigrationBreak struct {
	Stages MigrationStages `json:"stages"`
	Orders int             `json:"orders"`
	// Example is the beginning of one of the orders, up to the step that leads to the state.
	Example []MigrationStep `json:"example"`
}

// MigrationStep moves one piece by a rolling restart.
type MigrationStep struct {
	// Piece is the name of a field of [MigrationStages].
	Piece string `json:"piece"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// MigrationBefore says that one step must come before another.
type MigrationBefore struct {
	First MigrationStep `json:"first"`
	Then  MigrationStep `json:"then"`
}

// MigrationPhase holds steps that keep the connection in whatever order they are made, also several at once.
type MigrationPhase struct {
	Steps []MigrationStep `json:"steps"`
}

// tidy returns a copy that shares nothing with m, with empty lists for absent ones; nil for nil.
func (m *Migration) tidy() *Migration {
	if m == nil {
		return nil
	}
	t := *m
	t.States, t.Before, t.Recommended = list(m.States), list(m.Before), list(m.Recommended)
	for i := range t.Recommended {
		t.Recommended[i].Steps = list(t.Recommended[i].Steps)
	}
	for _, orders := range []*MigrationOrders{&t.Orders.Complete, &t.Orders.Short} {
		orders.Breaks = list(orders.Breaks)
		for i := range orders.Breaks {
			orders.Breaks[i].Example = list(orders.Breaks[i].Example)
		}
	}
	return &t
}
