package conformance

import (
	"fmt"

	"github.com/calico-tls/conformance/reports"
)

// Merge puts the reports of the shards of one run together, and proves that they cover its cases exactly once. What it
// returns is like the report of one run. The error says what keeps them from being merged.
func Merge(shards []reports.Named) (*reports.Report, error) {
	// Which subjects the target has is seen from all of them: a shard alone may lack some.
	whole := *shards[0].Report
	whole.Results = nil
	for _, s := range shards {
		if s.Suite.Version != Version() {
			return nil, &UsageError{
				fmt.Sprintf("merging reports: %s is of the suite %s, and this is %s", s.Name, s.Suite.Version, Version()),
				"merge with the tlsconform that wrote the reports",
			}
		}
		whole.Results = append(whole.Results, s.Results...)
	}
	asked, err := AskedOf(&whole)
	if err != nil {
		return nil, err
	}
	merged, err := reports.Merge(shards, asked.Due)
	if err != nil {
		return nil, err
	}
	merged.Coverage, merged.Migration = asked.Coverage, migrated(merged.Results)
	merged.Conclude(asked.Due)
	return merged, nil
}
