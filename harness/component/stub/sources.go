package stub

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
)

// saysUnknown is what a stub says of a parameter that it does not know, in the words of the real ones.
const saysUnknown = "Ignoring unknown config param."

// What a stub knows besides the parameters of TLS. Those of the log and the datastore have no effect on it.
var (
	typhaKnows = []string{
		"TYPHA_SERVERHOST", "TYPHA_SERVERPORT", "TYPHA_SERVERHANDSHAKETIMEOUTSECS", "TYPHA_SERVERPINGINTERVALSECS", "TYPHA_SERVERPONGTIMEOUTSECS",
		"TYPHA_PROMETHEUSMETRICSENABLED", "TYPHA_PROMETHEUSMETRICSHOST", "TYPHA_PROMETHEUSMETRICSPORT",
		"TYPHA_HEALTHENABLED", "TYPHA_HEALTHHOST", "TYPHA_HEALTHPORT",
		"TYPHA_LOGSEVERITYSCREEN", "TYPHA_EARLYLOGSEVERITYSCREEN", "TYPHA_DATASTORETYPE", "TYPHA_ETCDENDPOINTS",
	}
	felixKnows = []string{
		"FELIX_TYPHAADDR", "FELIX_TYPHAK8SSERVICENAME", "FELIX_TYPHAK8SNAMESPACE", "FELIX_TYPHAREADTIMEOUT", "FELIX_FELIXHOSTNAME",
		"FELIX_HEALTHENABLED", "FELIX_HEALTHHOST", "FELIX_HEALTHPORT",
		"FELIX_LOGSEVERITYSCREEN", "FELIX_EARLYLOGSEVERITYSCREEN",
	}
)

// sources say where a stub takes its parameters from.
type sources struct {
	// prefix stands before the names of variables, in any case.
	prefix string
	// tls are the parameters of TLS, known the other ones.
	tls   parameters
	known []string
}

var (
	typhaSources = sources{"TYPHA_", typhaParameters, typhaKnows}
	felixSources = sources{"FELIX_", felixParameters, felixKnows}
)

// gather returns the settings of a stub, its parameters under the names of their variables in upper case. A variable
// wins over the configuration file that [ConfigFileSetting] names, unless it is empty (Calico
// typha/pkg/config/config_params.go and env_var_loader.go). A parameter that is not known is left out, and the log says
// so. The error is that of a configuration file that cannot be read.
func (s sources) gather(settings map[string]string, log *slog.Logger) (environment, error) {
	e := environment{}
	if path := settings[ConfigFileSetting]; path != "" {
		file, err := readConfigFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ConfigFileSetting, err)
		}
		for name, value := range file {
			s.take(e, s.prefix+name, value, log)
		}
	}
	// Small letters come last in the order: a name in upper case wins over the same in lower case.
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(settings))) {
		s.take(e, name, settings[name], log)
	}
	return e, nil
}

// take puts a variable into an environment.
func (s sources) take(e environment, name, value string, log *slog.Logger) {
	upper := strings.ToUpper(name)
	switch {
	case !strings.HasPrefix(upper, s.prefix):
		e[name] = value
	case !slices.Contains(s.known, upper) && !s.tls.include(upper):
		log.Info(saysUnknown, "name", name)
	case value != "":
		e[upper] = value
	}
}

func (p parameters) include(name string) bool {
	return slices.Contains([]string{p.ca, p.certificate, p.key, p.cn, p.uriSAN}, name)
}

// readConfigFile reads lines of the form "Name = value". Which section they stand in does not matter; lines that begin
// with "#" or ";" are comments.
func readConfigFile(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.ContainsRune("#;[", rune(line[0])) {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%s: line %d: wanted Name = value, found neither that nor a section or comment", path, number)
		}
		values[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return values, lines.Err()
}
