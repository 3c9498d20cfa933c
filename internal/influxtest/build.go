// Package influxtest builds and runs a real InfluxDB server for tests: version
// 1.8 with Flux, which needs nothing but the Go tool and speaks the write and
// query API of 2.x. Its dependencies live in the module below influxd.
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

const (
	version = "1.8.10"
	command = "github.com/influxdata/influxdb/cmd/influxd"
)

// Build returns the path of the server's program. It builds it when it is not
// in the cache, which takes a few minutes the first time; another process that
// builds it at the moment is waited for. What the Go tool says goes to progress.
func Build(ctx context.Context, progress io.Writer) (path string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache folder for influxd (set XDG_CACHE_HOME): %w", err)
	}
	dir := filepath.Join(cache, "urbangrid-test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("build influxd: %w", err)
	}
	path = filepath.Join(dir, fmt.Sprintf("influxd-%s-%s-%s", version, runtime.GOOS, runtime.GOARCH))
	unlock, err := lock(path + ".lock")
	if err != nil {
		return "", fmt.Errorf("build influxd: %w", err)
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	module, err := moduleDir(ctx)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(progress, "building InfluxDB %s for tests, once, into %s\n", version, path)
	fresh := path + ".new"
	if err := goBuild(ctx, module, fresh, progress); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", fmt.Errorf("build influxd: %w", err)
	}
	return path, nil
}

func goBuild(ctx context.Context, dir, out string, progress io.Writer) error {
	var tail strings.Builder
	cmd := exec.CommandContext(ctx, "go", "build", "-v", "-trimpath", "-buildvcs=false", "-o", out, command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	cmd.Stderr = io.MultiWriter(progress, &tail)
	if err := cmd.Run(); err != nil {
		text := tail.String()
		return fmt.Errorf("build influxd with the Go tool in %s (it needs its modules: check GOPROXY and the network, then run go mod download there): %w\n%s",
			dir, err, text[max(0, len(text)-2000):])
	}
	return nil
}

// moduleDir finds the server's module below that of the working directory.
func moduleDir(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/urbangrid/urbangrid").Output()
	if err != nil {
		return "", fmt.Errorf("find the module to build influxd from (run it inside the source tree): %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal", "influxtest", "influxd"), nil
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
