package web_test

import (
	"bytes"
	"io/fs"
	"testing"

	"github.com/urbangrid/urbangrid/dashboard/web"
)

func TestAssets_HaveAPageBuiltOrNot(t *testing.T) {
	assets, built := web.Assets()
	page, err := fs.ReadFile(assets, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	if says := bytes.Contains(page, []byte("make build")); says == built {
		t.Errorf("built is %v, the page says how to build it: %v", built, says)
	}
}
