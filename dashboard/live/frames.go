package live

// The frames that are for one connection alone. Those that many get are messages:
// of cells they are made by a view, of alerts by the feed.
type (
	helloFrame struct {
		T           string `json:"t"`
		Version     int    `json:"v"`
		Server      string `json:"server"`
		Epoch       string `json:"epoch"`
		NowMillis   int64  `json:"now"`
		HeartbeatMS int64  `json:"hb"`
		LagMillis   *int64 `json:"lag"`
		// District is how many cells the district has at each resolution.
		District map[string]int `json:"district"`
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
