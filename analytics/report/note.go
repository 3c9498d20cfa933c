package report

import (
	"cmp"
	"slices"

	"github.com/urbangrid/urbangrid/sensors"
)

// NoteCode says why a value is missing, or what must be known to read a Result.
type NoteCode string

// Why a value is missing.
const (
	NoteTooFewWindows NoteCode = "too_few_windows" // fewer than MinTrendWindows with data
	NoteTooFewPeriods NoteCode = "too_few_periods" // fewer than two seasons for a decomposition
	NoteTooFewSteps   NoteCode = "too_few_steps"   // fewer than MinCubeSteps for a cube
	NoteTooFewPlaces  NoteCode = "too_few_places"
	NoteTooFewEvents  NoteCode = "too_few_events" // for an expected count
	NoteConstant      NoteCode = "constant_field"
	NoteNoData        NoteCode = "no_data"
	NoteNoPrevious    NoteCode = "no_previous_period"
	NoteNoLastYear    NoteCode = "no_last_year"
	NoteBeganLater    NoteCode = "began_later"
	NoteZeroBase      NoteCode = "zero_base"
	NoteNoDevices     NoteCode = "no_devices"
	NoteNoSurface     NoteCode = "no_surface"
	NoteNoThreshold   NoteCode = "no_threshold"
	NoteNotACount     NoteCode = "not_a_count"
	NoteNotALevel     NoteCode = "not_a_level"
	NoteLevelNoRate   NoteCode = "level_has_no_rate"
	NoteNoSeason      NoteCode = "no_season"
	NoteNoChange      NoteCode = "no_change"
	NoteGaps          NoteCode = "gaps"
	NoteStillOpen     NoteCode = "still_open"
	NoteNoRaw         NoteCode = "no_raw_observations"
	NoteNotReturned   NoteCode = "not_returned"
	NoteNoVerdicts    NoteCode = "no_verdicts"
	NoteNoBudget      NoteCode = "no_budget"
	NoteWithCases     NoteCode = "comes_with_cases"
	NoteNotAsked      NoteCode = "not_asked"
	NoteNoP           NoteCode = "no_p"
	NoteNoRuleBudget  NoteCode = "no_rule_budget"
	NoteUndefined     NoteCode = "undefined"
)

// What must be known to read a Result.
const (
	NoteCounts       NoteCode = "counts_not_rates"
	NoteRates        NoteCode = "rates_per_device"
	NoteLevels       NoteCode = "levels"
	NoteStudyDevices NoteCode = "study_area_devices"
	NoteStudyAreas   NoteCode = "study_area_district"
	NoteSparse       NoteCode = "sparse_counts"
	NoteCut          NoteCode = "rows_left_out"
	NoteAlertsCut    NoteCode = "alerts_left_out"
	NoteHistoryCut   NoteCode = "episodes_left_out"
	NoteRunning      NoteCode = "window_running"
	NoteNoEvaluation NoteCode = "no_evaluation"
	NoteNoAlerts     NoteCode = "no_alerts"
	NoteNoCases      NoteCode = "not_until_cases"
	NoteNoScan       NoteCode = "no_scan"
)

// Note is one thing that is missing or must be known. It is told once, with the
// number of values that it is the reason for.
type Note struct {
	Code  NoteCode        `json:"code" example:"too_few_windows"`
	Kind  sensors.KindKey `json:"kind,omitempty" doc:"Whose section it belongs to" example:"smoke"`
	Text  sensors.Names   `json:"text"`
	Count int             `json:"count" doc:"How many values are missing for this reason; 0 when none is"`
}

// noteText is what people read of a code: in a cell of a table, and below it.
type noteText struct{ short, text sensors.Names }

var noteTexts = map[NoteCode]noteText{
	NoteTooFewWindows: {sensors.Names{ZH: "数据不足", EN: "not enough data"},
		sensors.Names{ZH: "数据不足：有数据的时间窗少于 8 个，不做趋势检验。", EN: "Not enough data: fewer than 8 windows have data, so no trend is tested."}},
	NoteTooFewPeriods: {sensors.Names{ZH: "数据不足", EN: "not enough data"},
		sensors.Names{ZH: "数据不足：时间序列不足两个完整周期，不做 STL 分解。", EN: "Not enough data: the series has fewer than two whole seasons, so it is not decomposed (STL)."}},
	NoteTooFewSteps: {sensors.Names{ZH: "数据不足", EN: "not enough data"},
		sensors.Names{ZH: "数据不足：时空立方体少于 10 个时间步，不做新兴热点分类。", EN: "Not enough data: the space-time cube has fewer than 10 steps, so nothing is classified."}},
	NoteTooFewPlaces: {sensors.Names{ZH: "数据不足", EN: "not enough data"},
		sensors.Names{ZH: "数据不足：研究区网格太少，或该网格的邻域覆盖了整个研究区，无法计算空间统计量。", EN: "Not enough data: the study area has too few cells, or the neighbourhood of the cell is all of it, so there is no spatial score."}},
	NoteTooFewEvents: {sensors.Names{ZH: "数据不足", EN: "not enough data"},
		sensors.Names{ZH: "数据不足：历史不够长或近期事件太少，不计算期望值和阈值。", EN: "Not enough data: too little history, or too few recent events, for an expected count and a threshold."}},
	NoteConstant: {sensors.Names{ZH: "数据不足", EN: "not enough data"},
		sensors.Names{ZH: "数据不足：各网格数值完全相同，热点统计量没有定义。", EN: "Not enough data: all cells have the same value, so the score is not defined."}},
	NoteNoData: {sensors.Names{ZH: "无数据", EN: "no data"},
		sensors.Names{ZH: "该时间窗没有观测数据；没有数据不等于数值为零。", EN: "Nothing was observed in the window, which is not the same as a value of zero."}},
	NoteNoPrevious: {sensors.Names{ZH: "数据不足", EN: "not enough data"},
		sensors.Names{ZH: "数据不足：上一个等长时段没有数据，不计算环比。", EN: "Not enough data: the period before has none, so nothing is compared with it."}},
	NoteNoLastYear: {sensors.Names{ZH: "数据不足", EN: "not enough data"},
		sensors.Names{ZH: "数据不足：去年同期没有数据，不计算同比。", EN: "Not enough data: the same weeks of last year have none, so nothing is compared with them."}},
	NoteBeganLater: {sensors.Names{ZH: "数据不足", EN: "not enough data"},
		sensors.Names{ZH: "数据不足：对比时段开始之后才有该类型的第一条观测，不能与不完整的时段相比。", EN: "Not enough data: the first observation of the kind came after the time compared with had begun, and a part of a time is not compared with."}},
	NoteZeroBase: {sensors.Names{ZH: "基数为零", EN: "base is zero"},
		sensors.Names{ZH: "对比时段的数值为零，变化率没有定义；请看差值。", EN: "The value compared with is zero, so there is no change in percent; see the difference."}},
	NoteNoDevices: {sensors.Names{ZH: "无登记设备", EN: "no device"},
		sensors.Names{ZH: "登记册中没有该类型的设备，不计算每台设备的比率。", EN: "The register has no device of the kind there, so there is no rate per device."}},
	NoteNoSurface: {sensors.Names{ZH: "面积未知", EN: "no surface"},
		sensors.Names{ZH: "不属于任何责任网格，面积未知，不计算每平方公里的比率。", EN: "Outside every responsibility area the surface is not known, so there is no rate per km²."}},
	NoteNoThreshold: {sensors.Names{ZH: "未设阈值", EN: "no threshold"},
		sensors.Names{ZH: "该类型没有阈值规则，不计算超标比例。", EN: "No rule has a threshold for the kind, so no share lies beyond it."}},
	NoteNotACount: {sensors.Names{ZH: "不适用", EN: "not for levels"},
		sensors.Names{ZH: "该方法只适用于事件计数，不适用于测量值。", EN: "The method is for counts of events and says nothing of levels."}},
	NoteNotALevel: {sensors.Names{ZH: "不适用", EN: "not for counts"},
		sensors.Names{ZH: "事件只有数量，没有最大值。", EN: "Events are counted and have no highest value."}},
	NoteLevelNoRate: {sensors.Names{ZH: "不适用", EN: "not for levels"},
		sensors.Names{ZH: "测量值的观测数取决于上报频率，不计算每平方公里或每台设备的比率。", EN: "How many values of a measure there are hangs on how often devices speak, so there are no rates of them."}},
	NoteNoSeason: {sensors.Names{ZH: "不适用", EN: "no season"},
		sensors.Names{ZH: "按周统计没有周内周期，不做季节性检验。", EN: "Weeks have no season within them, so no seasonal test is made."}},
	NoteNoChange: {sensors.Names{ZH: "未发现", EN: "none found"},
		sensors.Names{ZH: "没有发现变点。", EN: "No change point was found."}},
	NoteGaps: {sensors.Names{ZH: "数据有缺口", EN: "gaps"},
		sensors.Names{ZH: "序列中间有没有数据的时间窗，不做 STL 分解。", EN: "Windows within the series have no data, so it is not decomposed (STL)."}},
	NoteStillOpen: {sensors.Names{ZH: "未解除", EN: "still open"},
		sensors.Names{ZH: "告警尚未解除，没有解除时间。", EN: "The alert is still open: it has no time of clearing."}},
	NoteNotReturned: {sensors.Names{ZH: "无复发", EN: "no return"},
		sensors.Names{ZH: "没有在规定天数内复发。", EN: "It did not come back within the days."}},
	NoteNoRaw: {sensors.Names{ZH: "原始观测已过期", EN: "no raw data"},
		sensors.Names{ZH: "原始观测已超过保存期限，无法列出设备。", EN: "The raw observations are no longer kept, so no devices can be named."}},
	NoteNoVerdicts: {sensors.Names{ZH: "未研判", EN: "no verdict"},
		sensors.Names{ZH: "值班人员尚未对告警作出研判，不计算阳性预测值。", EN: "No operator has judged these alerts, so there is no predictive value."}},
	NoteNoBudget: {sensors.Names{ZH: "不适用", EN: "no budget"},
		sensors.Names{ZH: "数据质量告警不占用误报预算。", EN: "Data-quality alerts have no budget of false episodes."}},
	NoteWithCases: {sensors.Names{ZH: "暂无案件", EN: "no cases yet"},
		sensors.Names{ZH: "超时处置和重新打开来自处置记录；这里没有处置记录。", EN: "Late handling and reopening come from the log of what people did; there is none here."}},
	NoteNotAsked: {sensors.Names{ZH: "未计算", EN: "not asked"},
		sensors.Names{ZH: "没有要求计算。", EN: "It was not asked for."}},
	NoteNoP: {sensors.Names{ZH: "无 p 值", EN: "no p"},
		sensors.Names{ZH: "EARS 只有上限（均值加 3 倍标准差），没有 p 值。", EN: "EARS has an upper bound (mean and 3 standard deviations) and no p."}},
	NoteNoRuleBudget: {sensors.Names{ZH: "规则无预算", EN: "no rule"},
		sensors.Names{ZH: "没有热点规则为该类型设定误报预算；可用参数 budget 指定。", EN: "No hotspot rule has a budget of false episodes for the kind; the parameter budget gives one."}},
	NoteUndefined: {sensors.Names{ZH: "无定义", EN: "undefined"},
		sensors.Names{ZH: "该数值没有定义。", EN: "The value is not defined."}},

	NoteCounts: {text: sensors.Names{ZH: "热点按事件数量计算：并非每个网格都有已登记的设备，无法得到比率。事件数量反映的也可能是人多或设备多。",
		EN: "Hot spots are of counts: not every cell has a registered device, so there are no rates. Counts may show where people or devices are."}},
	NoteRates: {text: sensors.Names{ZH: "热点按每台设备的事件数计算（比率）。", EN: "Hot spots are of events per device (rates)."}},
	NoteLevels: {text: sensors.Names{ZH: "热点按测量值的平均水平计算；没有观测的网格不在研究区内。",
		EN: "Hot spots are of mean levels; cells without an observation are not in the study area."}},
	NoteStudyDevices: {text: sensors.Names{ZH: "研究区为有该类型设备或观测的网格；没有覆盖的网格不参与计算，有覆盖而无事件的网格按零计。",
		EN: "The study area is the cells with a device or an observation of the kind; cells without coverage are left out, covered cells without an event count as zero."}},
	NoteStudyAreas: {text: sensors.Names{ZH: "登记册中没有该类型的设备，研究区为全部责任网格，无事件的网格按零计。",
		EN: "The register has no device of the kind: the study area is all of the district, cells without an event count as zero."}},
	NoteSparse: {text: sensors.Names{ZH: "事件稀少：邻域的期望事件数小于 5，正态近似的 p 值不可靠，请谨慎解读。",
		EN: "Events are sparse: a neighbourhood expects fewer than 5, where p by the normal distribution is not to be relied on."}},
	NoteCut:          {text: sensors.Names{ZH: "表格只列出前面的行，其余已省略。", EN: "The table has the first rows alone, the others were left out."}},
	NoteAlertsCut:    {text: sensors.Names{ZH: "告警太多，只统计了最近的一部分。", EN: "There are too many alerts: the newest of them were counted."}},
	NoteHistoryCut:   {text: sensors.Names{ZH: "每个难点只列出最近的若干次，更早的已省略。", EN: "Of each stubborn problem the newest episodes are listed, older ones were left out."}},
	NoteRunning:      {text: sensors.Names{ZH: "最后一个时间窗尚未结束，数值会继续增加。", EN: "The last window is still running: its numbers will grow."}},
	NoteNoEvaluation: {text: sensors.Names{ZH: "没有提供检测评估文件，因此没有检出率等指标。", EN: "No evaluation file was given, so there is no probability of detection."}},
	NoteNoScan:       {text: sensors.Names{ZH: "数据不足：时空扫描只适用于事件，且至少需要 14 个时间步和 8 个网格。", EN: "Not enough data: a scan is of events, and needs 14 steps and 8 cells at least."}},
	NoteNoCases:      {text: sensors.Names{ZH: "案件类别和来源要等有了案件才能统计：目前只有观测和告警，没有案件数据，因此没有数值。", EN: "Not available until cases exist: class and channel are those of cases, and there are observations and alerts alone so far, so there are no numbers."}},
	NoteNoAlerts:     {sensors.Names{ZH: "无告警", EN: "no alerts"}, sensors.Names{ZH: "该时段没有告警。", EN: "There are no alerts in the time."}},
}

// Short returns what stands in the place of the value.
func (c NoteCode) Short() sensors.Names {
	t, ok := noteTexts[c]
	if !ok || t.short == (sensors.Names{}) {
		return sensors.Names{ZH: string(c), EN: string(c)}
	}
	return t.short
}

// Text returns the note as a sentence.
func (c NoteCode) Text() sensors.Names {
	if t, ok := noteTexts[c]; ok {
		return t.text
	}
	return sensors.Names{ZH: string(c), EN: string(c)}
}

// notesOf returns the general notes and, for every reason that a value of the
// tables is missing, one note a section with its number, in the order of the codes.
func notesOf(tables []Table, general []Note) []Note {
	type reason struct {
		code NoteCode
		kind sensors.KindKey
	}
	missing := map[reason]int{}
	for _, t := range tables {
		for _, row := range t.Rows {
			for _, v := range row {
				if why, ok := v.Why(); ok {
					missing[reason{why, t.Kind}]++
				}
			}
		}
	}
	out := append(make([]Note, 0, len(general)+len(missing)), general...)
	for why, n := range missing {
		i := slices.IndexFunc(out, func(note Note) bool { return note.Code == why.code && note.Kind == why.kind })
		if i < 0 {
			out = append(out, Note{Code: why.code, Kind: why.kind, Text: why.code.Text()})
			i = len(out) - 1
		}
		out[i].Count = n
	}
	slices.SortStableFunc(out, func(a, b Note) int { return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Kind, b.Kind)) })
	return out
}
