// Package influxtest builds and runs a real InfluxDB server for tests: version
// 1.8 with Flux, which needs nothing but the Go tool and speaks the write and
// query API of 2.x; or, when it is asked for, 2.7, which needs cargo as well. The
// dependencies of each live in a module of its own, below influxd and influxd2.
package influxtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// release is a version of the server and how it is built.
type release struct {
	major   int
	version string
	folder  string // of its module, below this package
	command string
	flux    bool // its Flux is in Rust and is built with cargo
}

var releases = map[string]release{
	"":  {major: 1, version: "1.8.10", folder: "influxd", command: "github.com/influxdata/influxdb/cmd/influxd"},
	"2": {major: 2, version: "2.7.12", folder: "influxd2", command: "github.com/influxdata/influxdb/v2/cmd/influxd", flux: true},
}

// chosenBy is the environment variable that chooses the release.
const chosenBy = "URBANGRID_TEST_INFLUX"

func chosen() (release, error) {
	r, ok := releases[os.Getenv(chosenBy)]
	if !ok {
		return release{}, fmt.Errorf("%s=%q: there is only 2, for InfluxDB 2.7, or nothing, for 1.8", chosenBy, os.Getenv(chosenBy))
	}
	return r, nil
}

// Build returns the path of the server's program: 1.8, or 2.7 when the
// environment has URBANGRID_TEST_INFLUX=2. It builds it when it is not in the
// cache, which takes a few minutes the first time; another process that builds it
// at the moment is waited for. What the tools say goes to progress.
func Build(ctx context.Context, progress io.Writer) (path string, err error) {
	r, err := chosen()
	if err != nil {
		return "", err
	}
	return r.build(ctx, progress)
}

func (r release) build(ctx context.Context, progress io.Writer) (path string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache folder for influxd (set XDG_CACHE_HOME): %w", err)
	}
	dir := filepath.Join(cache, "urbangrid-test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("build influxd: %w", err)
	}
	path = filepath.Join(dir, fmt.Sprintf("influxd-%s-%s-%s", r.version, runtime.GOOS, runtime.GOARCH))
	unlock, err := lock(path + ".lock")
	if err != nil {
		return "", fmt.Errorf("build influxd: %w", err)
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	module, err := r.moduleDir(ctx)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(progress, "building InfluxDB %s for tests, once, into %s\n", r.version, path)
	fresh := path + ".new"
	var env []string
	if r.flux {
		if env, err = prepareFlux(ctx, module, dir, progress); err != nil {
			return "", err
		}
	}
	if err := goBuild(ctx, module, fresh, r.command, env, progress); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", fmt.Errorf("build influxd: %w", err)
	}
	return path, nil
}

// prepareFlux builds the tool that the Go tool asks where libflux is, and that
// builds it with cargo on being asked. It returns the environment that this needs.
func prepareFlux(ctx context.Context, module, dir string, progress io.Writer) ([]string, error) {
	if _, err := exec.LookPath("cargo"); err != nil {
		return nil, fmt.Errorf("build libflux for influxd: it is written in Rust and needs cargo: %w", err)
	}
	tool := filepath.Join(dir, "pkg-config-flux")
	if err := goBuild(ctx, module, tool, "github.com/influxdata/pkg-config", nil, progress); err != nil {
		return nil, err
	}
	env := []string{
		"PKG_CONFIG=" + tool,
		"RUSTC_WRAPPER=" + filepath.Join(module, "rustc.sh"),
		"CARGO_PROFILE_RELEASE_LTO=off", // a server for tests is built in half the time
	}
	if os.Getenv("RUSTUP_TOOLCHAIN") == "" {
		// Flux names an old compiler that rustup would fetch; any newer one does.
		out, err := exec.CommandContext(ctx, "rustup", "default").Output()
		if name, _, _ := strings.Cut(strings.TrimSpace(string(out)), " "); err == nil && name != "" {
			env = append(env, "RUSTUP_TOOLCHAIN="+name)
		}
	}
	return env, nil
}

func goBuild(ctx context.Context, dir, out, command string, env []string, progress io.Writer) error {
	var tail strings.Builder
	cmd := exec.CommandContext(ctx, "go", "build", "-v", "-trimpath", "-buildvcs=false", "-o", out, command)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly"), env...)
	cmd.Stderr = io.MultiWriter(progress, &tail)
	if err := cmd.Run(); err != nil {
		text := tail.String()
		return fmt.Errorf("build %s with the Go tool in %s (it needs its modules: check GOPROXY and the network, then run go mod download there): %w\n%s",
			command, dir, err, text[max(0, len(text)-2000):])
	}
	return nil
}

// moduleDir finds the server's module below that of the working directory.
func (r release) moduleDir(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/urbangrid/urbangrid").Output()
	if err != nil {
		return "", fmt.Errorf("find the module to build influxd from (run it inside the source tree): %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal", "influxtest", r.folder), nil
}

// lock takes the file at path for this process and waits for its turn.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // which ends the lock
}
