package felixtypha

import (
	"slices"

	"github.com/calico-tls/conformance/harness/link"
)

// walkthroughs are the page's two examples, to the letter first, then with each of their values wrong in turn, and what
// else two real ends are tried with. The credentials that are to the letter have no URI SAN in the example by Common
// Name, and no Common Name in that by SPIFFE ID; one that is wrong in a value has the other name besides, which nobody
// asks for. A value that the page wants unset and that is set is a state of the migration.
var walkthroughs = []link.Meeting{
	{Mode: "cn", Client: "uri-absent", Server: "uri-absent", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "uri-absent", Server: "cn-other", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "uri-absent", Server: "eku-other-role", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "uri-absent", Server: "expired", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "uri-absent", Server: "other-authority", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "cn-other", Server: "uri-absent", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "eku-other-role", Server: "uri-absent", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "expired", Server: "uri-absent", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "other-authority", Server: "uri-absent", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "uri-absent", Server: "uri-absent", Setting: "other-ClientCN", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "uri-absent", Server: "uri-absent", Setting: "other-TyphaCN", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "uri-absent", Server: "uri-absent", Setting: "other-CAFile", Rules: []string{"CONF-12"}},
	{Mode: "cn", Client: "uri-absent", Server: "uri-absent", Setting: "other-TyphaCAFile", Rules: []string{"CONF-12"}},
	{Mode: "cn-or-uri-san", Client: "uri-absent", Server: "uri-absent", Setting: "felix-by-cn", Rules: []string{"CONF-12"}}, // ClientURISAN is set
	{Mode: "cn", Client: "uri-absent", Server: "uri-absent", Setting: "felix-by-either", Rules: []string{"CONF-12"}},        // TyphaURISAN is set

	{Mode: "uri-san", Client: "cn-absent", Server: "cn-absent", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "good", Server: "good", Rules: []string{"CONF-13"}}, // the Common Names of the first example are kept
	{Mode: "uri-san", Client: "cn-absent", Server: "uri-other", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "cn-absent", Server: "eku-other-role", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "cn-absent", Server: "expired", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "cn-absent", Server: "other-authority", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "uri-other", Server: "cn-absent", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "eku-other-role", Server: "cn-absent", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "expired", Server: "cn-absent", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "other-authority", Server: "cn-absent", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "cn-absent", Server: "cn-absent", Setting: "other-ClientURISAN", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "cn-absent", Server: "cn-absent", Setting: "other-TyphaURISAN", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "cn-absent", Server: "cn-absent", Setting: "other-CAFile", Rules: []string{"CONF-13"}},
	{Mode: "uri-san", Client: "cn-absent", Server: "cn-absent", Setting: "other-TyphaCAFile", Rules: []string{"CONF-13"}},
	{Mode: "cn-or-uri-san", Client: "cn-absent", Server: "cn-absent", Setting: "felix-by-uri-san", Rules: []string{"CONF-13"}}, // ClientCN is set
	{Mode: "uri-san", Client: "cn-absent", Server: "cn-absent", Setting: "felix-by-either", Rules: []string{"CONF-13"}},        // TyphaCN is set

	{Mode: "cn", Client: "operator-shape", Server: "operator-shape", Rules: []string{"CONF-15"}},
	{Mode: "cn", Client: "hard-way", Server: "good", Setting: "hard-way-CAFile", Rules: []string{"CONF-16"}},
	{Mode: "cn", Client: "hard-way-v1", Server: "good", Setting: "hard-way-CAFile", Rules: []string{"CONF-16"}},
	{Mode: "cn", Client: "good", Server: "hard-way", Setting: "hard-way-TyphaCAFile", Rules: []string{"CONF-16"}},
	{Mode: "cn", Client: "good", Server: "hard-way-v1", Setting: "hard-way-TyphaCAFile", Rules: []string{"CONF-16"}},

	{Mode: "plaintext", Client: "none", Server: "none", Rules: []string{"CONF-01"}},
	{Mode: "cn", Client: "good", Server: "none", Setting: "typha-plaintext", Rules: []string{"CONF-17"}},
	{Mode: "cn", Client: "none", Server: "good", Setting: "felix-plaintext", Rules: []string{"CONF-17"}},
}

// stages say of each [Stage] how an end is started that is there.
var stages = []struct {
	stage Stage
	// mode is that of a Typha whose setting is there; felix the setting of a Felix whose own is there and Typha's is not.
	mode, felix string
	// variant is what an end shows whose certificate is there.
	variant string
}{
	{StageCN, "cn", "felix-by-cn", "uri-absent"},
	{StageBoth, "cn-or-uri-san", "felix-by-either", "good"},
	{StageURI, "uri-san", "felix-by-uri-san", "cn-absent"},
}

// Stage says which names an end requires, or shows, on the way from Common Names to SPIFFE IDs.
type Stage string

// The stages.
const (
	StageCN   Stage = "cn"
	StageBoth Stage = "both"
	StageURI  Stage = "uri"
)

// Migration is a state on the way from Common Names to SPIFFE IDs (rule CONF-14): the stages of what each end requires,
// and of what each shows.
type Migration struct {
	TyphaSetting, FelixSetting, TyphaCertificate, FelixCertificate Stage
}

// Migrations returns all 81 states.
func Migrations() []Migration {
	var all []Migration
	for _, typhaSetting := range stages {
		for _, felixSetting := range stages {
			for _, typhaCertificate := range stages {
				for _, felixCertificate := range stages {
					all = append(all, Migration{typhaSetting.stage, felixSetting.stage, typhaCertificate.stage, felixCertificate.stage})
				}
			}
		}
	}
	return all
}

// Meeting returns how the two ends meet in the state; ok is false if a stage is none.
func (s Migration) Meeting() (m link.Meeting, ok bool) {
	m.Rules = []string{"CONF-14"}
	at := 0
	for _, is := range stages {
		if is.stage == s.TyphaSetting {
			m.Mode = is.mode
			at++
		}
		if is.stage == s.FelixSetting {
			at++
			if s.FelixSetting != s.TyphaSetting {
				m.Setting = is.felix
			}
		}
		if is.stage == s.TyphaCertificate {
			m.Server = is.variant
			at++
		}
		if is.stage == s.FelixCertificate {
			m.Client = is.variant
			at++
		}
	}
	return m, at == 4
}

// meetings joins the walk-throughs and the states of the migration: what is both is one meeting with the rules of both.
func meetings() []link.Meeting {
	all := slices.Clone(walkthroughs)
	for _, state := range Migrations() {
		m, _ := state.Meeting()
		i := slices.IndexFunc(all, func(w link.Meeting) bool {
			return w.Mode == m.Mode && w.Client == m.Client && w.Server == m.Server && w.Setting == m.Setting
		})
		if i < 0 {
			all = append(all, m)
			continue
		}
		all[i].Rules = slices.Concat(all[i].Rules, m.Rules)
	}
	return all
}
