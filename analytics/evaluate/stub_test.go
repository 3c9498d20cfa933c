package evaluate

import ("testing";"context";"encoding/json";"os";"time")

func TestTry(t *testing.T) {
	b := time.Now()
	r, err := Spatial(context.Background(), SpatialOptions{Progress: os.Stderr})
	if err != nil { t.Fatal(err) }
	j, _ := json.MarshalIndent(r, "", " ")
	t.Log(string(j), time.Since(b))
}
