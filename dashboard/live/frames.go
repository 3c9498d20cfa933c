package live

// The frames that are for one connection alone; those of cells are made by
// columns, ev and the snap of alerts where they are sent.
type (
	helloFrame struct {
		T           string `json:"t"`
		Version     int    `json:"v"`
		Server      string `json:"server"`
		Epoch       string `json:"epoch"`
		NowMillis   int64  `json:"now"`
		HeartbeatMS int64  `json:"hb"`
		LagMillis   *int64 `json:"lag"`
	}
	heartbeatFrame struct {
		T         string `json:"t"`
		NowMillis int64  `json:"now"`
		LagMillis *int64 `json:"lag"`
	}
	gapFrame struct {
		T     string `json:"t"`
		ID    int64  `json:"id"`
		After uint64 `json:"after"`
	}
	errFrame struct {
		T       string `json:"t"`
		ID      *int64 `json:"id"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	byeFrame struct {
		T           string `json:"t"`
		Code        int    `json:"code"`
		RetryMillis int64  `json:"retry_ms"`
	}
)
