package launch

import (
	"fmt"
	"os"
)

// ephemeral returns the ports that the kernel gives to outgoing connections.
func ephemeral() (low, high int) {
	low, high = 32768, 60999
	if data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		var first, last int
		if n, _ := fmt.Sscan(string(data), &first, &last); n == 2 {
			return first, last
		}
	}
	return low, high
}
