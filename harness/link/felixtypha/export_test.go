package felixtypha

// ConductNames returns the conducts that the prober can play.
func ConductNames() []string {
	var names []string
	for _, c := range behaviours {
		if c.name != "" {
			names = append(names, c.name)
		}
	}
	return names
}
