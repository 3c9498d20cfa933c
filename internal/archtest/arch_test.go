// Package archtest holds the law of the tree: data goes right, imports go left.
package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/urbangrid/urbangrid"

// layers say for each top-level folder which others it may import. A folder
// that is not here has no place.
var layers = map[string][]string{
	"sensors":   {},
	"grid":      {"sensors"},
	"stream":    {"grid", "sensors"},
	"ingest":    {"stream", "grid", "sensors"},
	"store":     {"stream", "grid", "sensors"},
	"analytics": {"store", "stream", "grid", "sensors"},
	"cases":     {"analytics", "store", "stream", "grid", "sensors"},
	"dashboard": {"cases", "analytics", "store", "stream", "grid", "sensors"},
	"simulator": {"sensors"},
	"internal":  {},
	"bench":     {"dashboard", "cases", "analytics", "store", "ingest", "stream", "grid", "sensors", "simulator"},
	"cmd":       {"dashboard", "cases", "analytics", "store", "ingest", "stream", "grid", "sensors", "simulator"},
}

// drivers say where each driver is at home. Prefixes of import paths; the first
// folder that is named, and what lies below it, may import it.
var drivers = map[string][]string{
	"github.com/uber/h3-go":                        {"grid"},
	"github.com/mochi-mqtt/server":                 {"ingest/broker"},
	"github.com/eclipse/paho":                      {"internal/mqttpub", "ingest/mqtt"},
	"github.com/nats-io/":                          {"stream"},
	"github.com/influxdata/influxdb-client-go":     {"store/influx"},
	"github.com/duckdb/":                           {"store/duckdb"},
	"github.com/mattn/go-sqlite3":                  {"store/sqlite"},
	"github.com/gorilla/websocket":                 {"dashboard/live", "ingest/broker"},
	"github.com/danielgtaylor/huma":                {"dashboard"},
	"github.com/spf13/":                            {"cmd"},
	"github.com/knadh/koanf":                       {"cmd"},
	"github.com/prometheus/client_golang/promauto": {},
}

type file struct {
	path    string // from the root, with slashes
	pkg     string // its folder
	test    bool
	tree    *ast.File
	imports []string
}

// files parses every Go file of the module itself, not of modules within it.
func files(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var out []file
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(must(filepath.Rel(root, p)))
		if d.IsDir() {
			if rel == "." {
				return nil
			}
			if strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"node_modules", "testdata", "bin", "data"}, d.Name()) {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		tree, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f := file{path: rel, pkg: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), tree: tree}
		for _, i := range tree.Imports {
			f.imports = append(f.imports, must(strconv.Unquote(i.Path.Value)))
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("found only %d Go files: looking in the wrong place", len(out))
	}
	return out
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func top(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}

func TestEveryPackageHasAPlace(t *testing.T) {
	for _, f := range files(t) {
		if _, ok := layers[top(f.pkg)]; !ok {
			t.Errorf("%s: the folder %q has no place in the layers", f.path, top(f.pkg))
		}
	}
}

func TestImportsGoLeft(t *testing.T) {
	for _, f := range files(t) {
		if f.test && top(f.pkg) == "internal" {
			continue // test help may be tested with what it helps to test
		}
		for _, imp := range f.imports {
			rel, ok := strings.CutPrefix(imp, module+"/")
			if !ok {
				continue
			}
			to, from := top(rel), top(f.pkg)
			if to == from || to == "internal" || slices.Contains(layers[from], to) {
				continue
			}
			t.Errorf("%s imports %s: %s may import %v", f.path, rel, from, layers[from])
		}
	}
}

func TestEachDriverIsAtHomeInOnePackage(t *testing.T) {
	for _, f := range files(t) {
		for _, imp := range f.imports {
			for driver, homes := range drivers {
				if !strings.HasPrefix(imp, driver) {
					continue
				}
				home := func(h string) bool { return f.pkg == h || strings.HasPrefix(f.pkg, h+"/") }
				if !slices.ContainsFunc(homes, home) {
					t.Errorf("%s imports %s, which is at home in %v", f.path, imp, homes)
				}
			}
		}
	}
}

func TestNothingHappensBehindTheBack(t *testing.T) {
	for _, f := range files(t) {
		for _, d := range f.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function: wire by hand", f.path)
			}
		}
	}
}

// A test waits for something that happens, not for a while: sleeping is for fake
// time.
func TestTestsSleepInFakeTimeOnly(t *testing.T) {
	all := files(t)
	fake := map[string]bool{} // folders whose tests run in fake time
	for _, f := range all {
		fake[f.pkg] = fake[f.pkg] || (f.test && slices.Contains(f.imports, "testing/synctest"))
	}
	for _, f := range all {
		if !f.test || fake[f.pkg] {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Sleep" {
				return true
			}
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == "time" {
				t.Errorf("%s sleeps without testing/synctest", f.path)
			}
			return true
		})
	}
}

// A part that a test needs and does not find is a failure.
func TestTestsDoNotSkip(t *testing.T) {
	for _, f := range files(t) {
		if !f.test {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
				if id, ok := sel.X.(*ast.Ident); ok && slices.Contains([]string{"t", "b", "f"}, id.Name) {
					t.Errorf("%s skips", f.path)
				}
			}
			return true
		})
	}
}
