// Package program is a program that does as it is told, to try launchers with. Each argument is a verb with its value,
// as in "say=hello"; they are done one after another.
package program

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/calico-tls/conformance/harness/launch"
)

// unknown is the exit code after a verb that is not known or can't be done.
const unknown = 99

// state is what the verbs share.
type state struct {
	ctx context.Context
	in  launch.Invocation
	log io.Writer
}

// verbs do one thing each; one that returns a code ends the program.
var verbs = map[string]func(s *state, value string) (code int, ended bool){
	"say":    say,
	"moan":   moan,
	"spam":   spam,
	"env":    env,
	"cat":    cat,
	"stat":   stat,
	"write":  write,
	"listen": listen,
	"dial":   dial,
	"spawn":  spawn,
	"exit":   exit,
	"wait":   wait,
	"hang":   hang,
	"panic":  func(*state, string) (int, bool) { panic("as told") },
	"goexit": func(*state, string) (int, bool) { runtime.Goexit(); return 0, true },
}

// Main runs the program; see [launch.Program]. Without a verb that says otherwise it ends with code 0.
func Main(ctx context.Context, in launch.Invocation, log io.Writer) int {
	s := &state{ctx: ctx, in: in, log: log}
	for _, arg := range in.Args {
		name, value, _ := strings.Cut(arg, "=")
		verb := verbs[name]
		if verb == nil {
			fmt.Fprintf(log, "unknown verb %q\n", name)
			return unknown
		}
		if code, ended := verb(s, value); ended {
			return code
		}
	}
	return 0
}

func say(s *state, value string) (int, bool) {
	fmt.Fprintln(s.log, value)
	return 0, false
}

// moan writes to the standard error of the process.
func moan(_ *state, value string) (int, bool) {
	fmt.Fprintln(os.Stderr, value)
	return 0, false
}

// spam writes numbered lines.
func spam(s *state, value string) (int, bool) {
	count, _ := strconv.Atoi(value)
	for i := range count {
		fmt.Fprintf(s.log, "line %d\n", i)
	}
	return 0, false
}

// env writes the environment, and then how many variables that were.
func env(s *state, _ string) (int, bool) {
	for _, key := range slices.Sorted(maps.Keys(s.in.Env)) {
		fmt.Fprintf(s.log, "env %s=%s\n", key, s.in.Env[key])
	}
	fmt.Fprintf(s.log, "env: %d\n", len(s.in.Env))
	return 0, false
}

func cat(s *state, value string) (int, bool) {
	data, err := os.ReadFile(value)
	if err != nil {
		return s.fail(err)
	}
	fmt.Fprintf(s.log, "cat %s\n", data)
	return 0, false
}

// stat writes the mode of a file, and whether it is this program's own.
func stat(s *state, value string) (int, bool) {
	info, err := os.Stat(value)
	if err != nil {
		return s.fail(err)
	}
	fmt.Fprintf(s.log, "stat %o own %t\n", info.Mode().Perm(), own(info))
	return 0, false
}

// look writes the mode of a file and what it holds, or why it cannot be read, and says when it has done so.
func look(s *state, file string) {
	if _, failed := cat(s, file); !failed {
		stat(s, file)
	}
	fmt.Fprintln(s.log, "looked")
}

func write(s *state, value string) (int, bool) {
	if err := os.WriteFile(value, []byte("written"), 0o600); err != nil {
		return s.fail(err)
	}
	return 0, false
}

// listen accepts connections; it writes who dialled, and each line that comes: to the log, and back. What
// "spam N", "clock" and "look FILE" say is also done.
func listen(s *state, value string) (int, bool) {
	listener, err := net.Listen("tcp", value)
	if err != nil {
		return s.fail(err)
	}
	context.AfterFunc(s.ctx, func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprintf(s.log, "dialled by %s\n", conn.RemoteAddr())
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					fmt.Fprintf(s.log, "heard %s\n", lines.Text())
					fmt.Fprintf(conn, "%s\n", lines.Text())
					if count, ok := strings.CutPrefix(lines.Text(), "spam "); ok {
						spam(s, count)
					}
					if file, ok := strings.CutPrefix(lines.Text(), "look "); ok {
						look(s, file)
					}
					if lines.Text() == "clock" {
						fmt.Fprintf(s.log, "clock %d\n", time.Now().UnixNano())
					}
				}
			}()
		}
	}()
	return 0, false
}

// dial says hello to an address, and writes what comes back.
func dial(s *state, value string) (int, bool) {
	conn, err := net.DialTimeout("tcp", value, 5*time.Second)
	if err != nil {
		return s.fail(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, "hello")
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return s.fail(err)
	}
	fmt.Fprintf(s.log, "answer %s", answer)
	return 0, false
}

// spawn starts this program once more, in the same process group, to hang there.
func spawn(s *state, _ string) (int, bool) {
	self, err := os.Executable()
	if err != nil {
		return s.fail(err)
	}
	child := exec.Command(self, "hang=60s")
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		return s.fail(err)
	}
	fmt.Fprintf(s.log, "spawned %d\n", child.Process.Pid)
	return 0, false
}

func exit(_ *state, value string) (int, bool) {
	code, _ := strconv.Atoi(value)
	return code, true
}

// wait waits until the program is told to end.
func wait(s *state, _ string) (int, bool) {
	<-s.ctx.Done()
	fmt.Fprintln(s.log, "told to end")
	return 0, false
}

// hang does nothing for a while, whatever it is told.
func hang(_ *state, value string) (int, bool) {
	duration, _ := time.ParseDuration(value)
	<-time.After(duration)
	return 0, false
}

func (s *state) fail(err error) (int, bool) {
	fmt.Fprintf(s.log, "failed: %v\n", err)
	return unknown, true
}
