package main
import ("testing";"context";"os";"time";"github.com/urbangrid/urbangrid/analytics/evaluate")
func TestTry(t *testing.T){
 b:=time.Now()
 f,err:=evaluate.Faults(context.Background(), evaluate.FaultsOptions{SpatialOptions: evaluate.SpatialOptions{Towns:4,Replicates:10,Progress:os.Stderr},Gate:ingestGate})
 if err!=nil{t.Fatal(err)}
 for _,x:=range f{t.Logf("%+v",x)}
 t.Log(time.Since(b))
}
