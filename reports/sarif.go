package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// The parts of SARIF 2.1.0 (OASIS, sections 3.13 to 3.58) that a report needs.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Automation  sarifAutomation   `json:"automationDetails"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string        `json:"id"`
		Short *sarifMessage `json:"shortDescription,omitempty"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifAutomation struct {
		ID string `json:"id"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string       `json:"level"`
		Message sarifMessage `json:"message"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId,omitempty"`
		Kind         string             `json:"kind"`
		Level        string             `json:"level"`
		Message      sarifMessage       `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
)

// renderSARIF writes a SARIF log with a result for each case that is not as expected, and one for each known deviation,
// which is suppressed. What could not be judged is of kind open; what fails without being a case is a notification.
func renderSARIF(w io.Writer, r *Report, o Options) error {
	t, err := r.ready()
	if err != nil {
		return err
	}
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "tlsconform", Version: t.Suite.Version, Rules: []sarifRule{}}},
		Automation:  sarifAutomation{"tlsconform/" + t.Target.Name},
		Invocations: []sarifInvocation{invocation(t)},
		Results:     []sarifResult{},
	}
	for _, x := range t.Results {
		if _, ok := kindOf(x, o); !ok && x.KnownDeviation == "" {
			continue
		}
		run.Results = append(run.Results, sarifOf(t, x, o))
		if len(x.Rules) > 0 && !slices.ContainsFunc(run.Tool.Driver.Rules, func(rule sarifRule) bool { return rule.ID == x.Rules[0] }) {
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(x, o))
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}); err != nil {
		return fmt.Errorf("writing SARIF: %w", err)
	}
	return nil
}

func sarifRuleOf(x Result, o Options) sarifRule {
	rule := sarifRule{ID: x.Rules[0]}
	if sentence := o.sentence(x.Rules[0], x.Level); sentence != "" {
		rule.Short = &sarifMessage{oneLine(sentence)}
	}
	return rule
}

func sarifOf(r *Report, x Result, o Options) sarifResult {
	result := sarifResult{
		Kind: "fail", Level: "note",
		Message: sarifMessage{oneLine(x.ID + " " + x.verdict(o) + ": wanted " + x.comparison() + ". " + x.Why + " Repeat it: " + r.command(x.ID, o))},
		Locations: []sarifLocation{{
			sarifPhysical{sarifArtifact{"report.json"}}, []sarifLogical{{x.ID}},
		}},
		Fingerprints: map[string]string{"case/v1": x.ID},
	}
	if len(x.Rules) > 0 {
		result.RuleID = x.Rules[0]
	}
	if x.KnownDeviation != "" {
		result.Level = "warning"
		result.Suppressions = []sarifSuppression{{"external", oneLine(x.KnownDeviation)}}
		return result
	}
	switch k, _ := kindOf(x, o); k {
	case failing:
		result.Level = "error"
	case warning:
		result.Level = "warning"
	case unjudged: // a kind other than fail has no level (3.27.10)
		result.Kind, result.Level = "open", "none"
	case changed:
	}
	return result
}

func invocation(r *Report) sarifInvocation {
	var i sarifInvocation
	for _, missing := range r.shortfall() {
		i.Notifications = append(i.Notifications, sarifNotification{"warning", sarifMessage{missing}})
	}
	for _, stale := range r.StaleDeviations {
		i.Notifications = append(i.Notifications, sarifNotification{"error", sarifMessage{oneLine("stale deviation " + stale.Cases + ": " + stale.Reason)}})
	}
	i.Successful = r.Stopped == "" && len(r.Results) > 0
	return i
}
