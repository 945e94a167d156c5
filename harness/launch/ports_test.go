package launch_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/calico-tls/conformance/harness/launch"
)

// roleVariable makes this test binary a process of another kind.
const roleVariable = "LAUNCH_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "ports":
		holdPorts()
	case "doomed":
		doomed()
	default:
		os.Exit(m.Run())
	}
}

// free returns the first of some adjacent ports that nobody listens on, away from what other tests take.
func free(t *testing.T, count int) int {
	t.Helper()
next:
	for first := 12000; first < 19000; first += count {
		for port := first; port < first+count; port++ {
			listener, err := net.Listen("tcp", ":"+strconv.Itoa(port))
			if err != nil {
				continue next
			}
			listener.Close()
		}
		return first
	}
	t.Fatalf("wanted %d free ports, found none", count)
	return 0
}

// holdPorts takes as many ports as it can get, by several goroutines, and holds them until its input ends.
func holdPorts() {
	first, _ := strconv.Atoi(os.Args[2])
	last, _ := strconv.Atoi(os.Args[3])
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				port, err := launch.Ports{Folder: os.Args[1], First: first, Last: last}.Take(context.Background())
				if err != nil {
					if _, ok := errors.AsType[*launch.NoPortError](err); !ok {
						fmt.Println(err)
					}
					return
				}
				fmt.Println(port.Number())
			}
		})
	}
	all.Wait()
	fmt.Println("all")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func TestPortsOfSeveralProcesses(t *testing.T) {
	const count, processes = 60, 3
	folder, first := t.TempDir(), free(t, count)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	takers := map[string][]int{}
	var all, done sync.WaitGroup
	var stop []func()
	for taker := range processes {
		cmd := exec.CommandContext(t.Context(), self, folder, strconv.Itoa(first), strconv.Itoa(first+count-1))
		cmd.Env = append(os.Environ(), roleVariable+"=ports")
		in, err1 := cmd.StdinPipe()
		out, err2 := cmd.StdoutPipe()
		if err := errors.Join(err1, err2, cmd.Start()); err != nil {
			t.Fatal(err)
		}
		stop = append(stop, func() { in.Close() })
		done.Add(1)
		all.Add(1)
		go func() {
			defer done.Done()
			lines := bufio.NewScanner(out)
			for lines.Scan() && lines.Text() != "all" {
				mu.Lock()
				takers[lines.Text()] = append(takers[lines.Text()], taker)
				mu.Unlock()
			}
			all.Done()
			_ = cmd.Wait()
		}()
	}
	all.Wait()
	for _, each := range stop {
		each()
	}
	done.Wait()
	if len(takers) < count-4*processes {
		t.Errorf("wanted nearly all of %d ports taken, found %d", count, len(takers))
	}
	for port, by := range takers {
		if number, err := strconv.Atoi(port); len(by) != 1 || err != nil || number < first || number >= first+count {
			t.Errorf("wanted each port of the range taken once, found %s taken by %v", port, by)
		}
	}
	// They ended without giving anything back.
	if left := marks(t, folder); len(left) != len(takers) {
		t.Fatalf("wanted the marks of dead processes left for this test, found %d of %d", len(left), len(takers))
	}
	port, err := launch.Ports{Folder: folder, First: first, Last: first}.Take(t.Context())
	if err != nil {
		t.Fatalf("wanted a dead process to hold nothing, found %v", err)
	}
	if err := port.Release(); err != nil {
		t.Fatal(err)
	}
}

func marks(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestPortsThatAreInUse(t *testing.T) {
	first := free(t, 3)
	for n, address := range []string{"127.0.0.1", ""} {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(first+n)))
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
	}
	folder := t.TempDir()
	for range 20 {
		port, err := launch.Ports{Folder: folder, First: first, Last: first + 2}.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if port.Number() != first+2 {
			t.Errorf("wanted the one port on which nobody listens, found %d", port.Number()-first)
		}
		if err := port.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if left := marks(t, folder); len(left) > 0 {
		t.Errorf("wanted no marks of ports given back, found %q", left)
	}
}

func TestPortsKeepClearOfOutgoingConnections(t *testing.T) {
	low, high := launch.Ephemeral()
	if low < 1024 || high <= low {
		t.Fatalf("wanted the kernel's range, found %d to %d", low, high)
	}
	for range 20 {
		port, err := launch.Ports{Folder: t.TempDir(), First: low - 3, Last: low + 100}.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer port.Release()
		if port.Number() >= low {
			t.Errorf("wanted a port below %d, found %d", low, port.Number())
		}
	}
	port, err := launch.Ports{Folder: t.TempDir(), First: low, Last: low + 100}.Take(t.Context())
	if err != nil {
		t.Fatalf("wanted a port of the kernel's range where there are no others, found %v", err)
	}
	defer port.Release()
}
