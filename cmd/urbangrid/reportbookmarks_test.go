package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReport_OfSeveralKindsAndUnderAName(t *testing.T) {
	p := startServer(t, t.TempDir())
	smokeWeeks(t, p)
	// Kinds and areas in both forms are the same question, and the kinds stand by themselves.
	areas := "310107005,310107014"
	commas := run(t, "report", "trend", "--server", p.http, "--kind", "smoke,stall", "--area", areas, "--by", "city", "--period", "4w", "--lang", "en")
	apart := run(t, "report", "trend", "--server", p.http, "--kind", "stall", "--kind", "smoke", "--area", "310107014", "--area", "310107005", "--by", "city", "--period", "4w", "--lang", "en")
	if commas != apart {
		t.Errorf("parted by commas:\n%s\neach by itself:\n%s", commas, apart)
	}
	for _, want := range []string{"Smoke alarm, Street stall", "  stall     Street stall  "} {
		if !strings.Contains(commas, want) {
			t.Errorf("the table says nothing of %q:\n%s", want, commas)
		}
	}
	geo := filepath.Join(t.TempDir(), "hot.geojson")
	run(t, "report", "hotspots", "--server", p.http, "--kind", "smoke,stall", "-o", geo)
	if first := readGeo(t, geo)[0]; !strings.HasSuffix(first["table"].(string), ".smoke") || first["section"] != "smoke" {
		t.Errorf("the first place is of %v in %v, want the section of smoke", first["table"], first["section"])
	}

	body := `{"name":"烟雾 周报","report":"trend","query":"kind=smoke&by=city&period=4w","by":"王芳"}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.http+"/api/v1/reports/bookmarks", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusCreated {
		t.Fatalf("saved: %s", resp.Status)
	}
	if list := run(t, "report", "bookmarks", "--server", p.http); !strings.Contains(list, "烟雾 周报  trend  by=city kind=smoke period=4w  王芳") {
		t.Errorf("the list is %s", list)
	}
	text := run(t, "report", "bookmarks", "烟雾 周报", "--server", p.http, "--lang", "en")
	if want := run(t, "report", "trend", "--server", p.http, "--kind", "smoke", "--by", "city", "--period", "4w", "--lang", "en"); text != want {
		t.Errorf("the saved question is answered by\n%s\nwant\n%s", text, want)
	}
	file := filepath.Join(t.TempDir(), "周报.xlsx")
	run(t, "report", "bookmarks", "烟雾 周报", "--server", p.http, "-o", file)
	if info, err := os.Stat(file); err != nil || info.Size() < 500 {
		t.Errorf("%s: %v", file, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := command(ctx, "report", "bookmarks", "不存在", "--server", p.http).CombinedOutput(); err == nil || !strings.Contains(string(out), "no saved report is called") {
		t.Errorf("a name that is not there: %v %s", err, out)
	}
	http.DefaultClient.CloseIdleConnections()
	p.stop(t)
}
