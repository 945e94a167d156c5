package container

import "github.com/moby/moby/api/types/system"

// SharesFiles reports whether an engine with these security options may be shown folders of this machine by a user.
func SharesFiles(user int, securityOptions []string) bool {
	return (&engine{info: system.Info{SecurityOptions: securityOptions}}).sharesFiles(user)
}
