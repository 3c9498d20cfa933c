package report

import "github.com/urbangrid/urbangrid/sensors"

// definitions say what the words of reports mean, and what they do not say.
var definitions = map[string]Definition{
	"count": {Names: names("事件数", "Events"), Text: names(
		"时间窗内的观测（事件）条数。第一条观测之前的时间窗按无数据处理，之后没有事件的时间窗按零计。",
		"Observations (events) in a window. Windows before the first observation of the kind have no data; later windows without an event count as zero.")},
	"level": {Names: names("平均水平", "Mean level"), Text: names(
		"时间窗内全部观测值的算术平均；没有观测的时间窗没有数值。噪声为分贝值的算术平均，不是等效声级 Leq。",
		"Arithmetic mean of all observed values of a window; windows without an observation have none. For noise it is the mean of decibels, not an equivalent level Leq.")},
	"beyond": {Names: names("超标时间窗占比", "Share beyond the threshold"), Text: names(
		"有数据的时间窗中，最大值（低值有害时为最小值）达到或超过告警规则阈值的比例。一次短暂超标也计入。",
		"Of the windows with data, the share whose maximum (minimum where low is bad) reached the threshold of the alert rule. One short peak counts.")},
	"per_km2": {Names: names("每平方公里", "Per km²"), Text: names(
		"事件数除以责任网格面积（平方公里）。面积按边界多边形计算，边界本身可能是近似的。",
		"Events over the surface of the area in km², from its boundary, which may be an approximation itself.")},
	"per_device": {Names: names("每台设备", "Per device"), Text: names(
		"事件数除以登记册中该区域、该类型的设备数。按当前登记册计算，不反映时段内设备的增减和停机。",
		"Events over the devices that the register has for the kind in the area now. It does not follow devices that came, went or were silent in the period.")},
	"trend_p": {Names: names("趋势 p 值", "p of the trend"), Text: names(
		"没有趋势时出现如此明显（或更明显）升降的概率（双侧）。短序列用精确分布，其余用 Hamed-Rao 修正（最多 3 阶滞后，修正系数不小于 1）。小于 0.05 才称为上升或下降。",
		"Probability of a rise or fall as clear as this without a trend, two-sided: exact for short series, else corrected after Hamed and Rao (at most 3 lags, factor at least 1). Below 0.05 it is called rising or falling.")},
	"slope": {Names: names("Theil-Sen 斜率", "Theil-Sen slope"), Text: names(
		"所有时间窗两两之间变化率的中位数，及其 95 % 置信区间。区间假定各时间窗相互独立，未作自相关修正。",
		"Median of the slopes between all pairs of windows, with its 95 % interval. The interval supposes independent windows and is not corrected for autocorrelation.")},
	"seasonal": {Names: names("季节性检验", "Seasonal test"), Text: names(
		"在同一星期几（按天）或同一周内小时（按小时）内部比较，再合并。星期之间的差别不会被当作趋势。",
		"Compares within the same day of the week (daily) or hour of the week (hourly) and sums up, so that differences between weekdays are no trend.")},
	"stl": {Names: names("STL 分解", "STL decomposition"), Text: names(
		"稳健局部加权回归分解：趋势、季节、剩余，迭代至收敛。事件数先取 log(1+x)，因此季节是倍数，趋势是还原后的水平；测量值的季节是加减量。",
		"Robust decomposition by Loess into trend, season and rest, to convergence. Counts are taken as log(1+x): the season is a factor and the trend the level without it. For measures the season is added.")},
	"change": {Names: names("变点", "Change point"), Text: names(
		"平均水平发生改变的时间窗，泊松代价、惩罚 3·ln n 的精确最优划分。不考虑季节，也不说明原因。过度离散的数据会多报变点。",
		"Where the mean level changed: exact optimal partition, Poisson cost, penalty 3·ln n. It knows no seasons and no causes. Counts that vary more than Poisson give more of them.")},
	"exceedance": {Names: names("超阈值", "Exceedance"), Text: names(
		"观测数超过按历史同期（同一周内时段，前后一个时间窗，过去 8 周）拟合的单侧上限（α = 0.005，负二项）。节假日与之前的星期日相比，调休上班日与之前的星期三相比，二者不作为其他日子的历史。只说明比平常多，不说明原因。",
		"More than the upper bound (one-sided, α = 0.005, negative binomial) fitted to the same time of the week ± 1 window in the 8 weeks before. A holiday is held against the Sundays before it, a day worked instead against the Wednesdays; neither is the past of other days. It says more than usual, not why.")},
	"ears": {Names: names("EARS", "EARS"), Text: names(
		"历史不足以用 Farrington 时（按天、按小时少于 4 周，按周少于一年）的上限：第 9 至第 3 个时间窗之前的 7 个时间窗（按小时为同一钟点的 7 天）的均值加 3 倍标准差（C2）。不考虑星期几，误报比 Farrington 多。",
		"The upper bound where there is too little past for Farrington (below 4 weeks of days or hours, a year of weeks): the mean of the seven windows from nine to three before, of the same hour where windows are hours, and 3 standard deviations (C2). It knows no days of the week and gives more false alarms than Farrington.")},
	"previous": {Names: names("环比", "Against the period before"), Text: names(
		"与紧接其前的等长时段相比；“最近一周”与再前一周相比。", "Against the period of the same length just before; the last week against the week before it.")},
	"last_year": {Names: names("同比", "Against last year"), Text: names(
		"与 52 周前的同一时段相比，星期几对齐。春节等农历节日不对齐。", "Against the same period 52 weeks before, so that weekdays meet weekdays. Festivals of the lunar calendar do not meet.")},
	"gi": {Names: names("Gi* 统计量", "Gi*"), Text: names(
		"网格及其邻域（环数见参数）之和与全研究区平均相比的标准化得分。正值为热，负值为冷。按研究区全部网格作 FDR 校正，q ≤ 0.05 称为显著。热点说明聚集在哪里，不等于异常，也不说明原因。",
		"Sum of a cell and its neighbours against the mean of the study area, standardised; positive is hot. Corrected over all cells of the study area (FDR); q ≤ 0.05 is called significant. A hot spot says where values gather, not that it is unusual, nor why.")},
	"expected": {Names: names("期望值", "Expected"), Text: names(
		"研究区总数平均分配到每个网格（按比率计算时按设备数分配）后，该处应有的数量。", "What the place would have if the total of the study area were shared out evenly over cells, or over devices where rates are used.")},
	"moran": {Names: names("莫兰指数", "Moran's I"), Text: names(
		"全局：数值在空间上是否成片（0 附近为随机）。局部象限：高-高、低-低为成片，高-低为孤立高值（常见于故障传感器），低-高为孤立低值。",
		"Global: whether alike values lie together (near 0 they lie at random). Quadrants: high-high and low-low lie together, high-low is a lone high value (often a faulty sensor), low-high a lone low one.")},
	"kde": {Names: names("核密度", "Density"), Text: names(
		"按四次核平滑的每平方公里数量，仅用于显示，没有显著性。", "Count per km² smoothed with a quartic kernel: for looking at, without significance.")},
	"cluster": {Names: names("热点片区", "Cluster"), Text: names(
		"相邻的显著热网格连成的片区，按超出期望的数量排序。", "Significant hot cells that touch, ranked by what they have beyond what is expected.")},
	"scan": {Names: names("时空扫描", "Space-time scan"), Text: names(
		"对各中心的 0 至 2 环、截至时段末的各种时长，比较观测数与期望数（对数似然比），取互不重叠的最显著者。期望数按星期规律，节假日按星期日、调休上班日按星期三计。p 值由蒙特卡洛模拟得到（≥ 计数，含自身），已考虑所有被检验的区域。",
		"Disks of 0 to 2 rings around each cell and durations that end with the period, observed against expected (log-likelihood ratio), the best ones that share no cell. What is expected follows the week, a holiday as a Sunday and a day worked instead as a Wednesday. p by Monte Carlo (≥, itself included), which allows for all zones that were looked at.")},
	"ehsa": {Names: names("新兴热点", "Emerging hot spot"), Text: names(
		"时空立方体中每个时间步的 Gi*（邻域含前一时间步，全立方体平均，FDR q ≤ 0.05）及其 Mann-Kendall 趋势（α = 0.05）共同决定的 17 类之一。定义按公开文本实现，与 ArcGIS 结果可能不完全一致。",
		"One of 17 categories from Gi* in each step of the cube (neighbours in the step and the one before, mean of the whole cube, FDR q ≤ 0.05) and its Mann-Kendall trend (α = 0.05). After the published text; ArcGIS may differ in places.")},
	"episode": {Names: names("次", "Episode"), Text: names(
		"同一地点、同一类型的一次告警，从触发到解除；时间上重叠的合并为一次。时段内曾处于未解除状态的都计入，时段开始前触发的按其全部时长计；时段末之后才解除的按时段末未解除计。",
		"One alert of a kind at a place, from raised to cleared; those that overlap are one. All that were open at some time of the period count, those raised before it with their whole length; what was cleared after the end of the period is open at its end.")},
	"return": {Names: names("复发", "Return"), Text: names(
		"上一次解除后 N 天（见参数）之内再次发生。", "It began within N days (see the parameters) of the end of the one before.")},
	"stubborn": {Names: names("难点", "Stubborn problem"), Text: names(
		"至少复发一次、时段末未解除、一次持续达到规定天数（见参数），或告警超时处置、重新打开的地点。按参数所选排序，其次依复发次数、总时长、最长一次。超时处置：严重告警 15 分钟、警告 1 小时、提示 4 小时内无人处理。",
		"A place with a return, with an alert that is open at the end of the period, with one that lasted the days of the parameters, or whose alerts were handled late or opened again. Ranked by what the parameters say, then by returns, total time and longest time. Handled late: nobody did anything about the alert within 15 minutes if it is critical, an hour if a warning, four hours if a notice.")},
	"ppv": {Names: names("阳性预测值", "Positive predictive value"), Text: names(
		"值班人员研判过的告警中属实的比例，95 % Wilson 置信区间。只研判过的告警计入；研判者可能偏向某一类告警。",
		"Of the alerts that operators judged, the share that was confirmed, with a 95 % Wilson interval. Only judged alerts count, and people may judge some sorts more often.")},
	"budget": {Names: names("误报预算", "Budget"), Text: names(
		"每类每周允许的误报次数：热点规则中该类型的 budget 之和，或参数给定的数。未研判的告警不计为误报。",
		"False episodes that are allowed a kind and week: what the hotspot rules of the kind accept together, or the parameter. Alerts nobody judged are not counted as false.")},
	"time_to_clear": {Names: names("解除用时", "Time to clear"), Text: names(
		"从触发到解除的时间，计时段内解除的全部告警，包括时段开始前触发的；时段末仍未解除的另行计数。",
		"From raised to cleared, of all alerts that were cleared in the period, those raised before it included. What is open at its end is counted beside it.")},
	"flapping": {Names: names("抖动", "Flapping"), Text: names(
		"标记为抖动，或解除后 15 分钟内在同一地点再次触发的告警；热点以是否有共同的网格为准。",
		"Alerts that are marked so, or were raised at the same place within 15 minutes of the clearing of the one before; of hotspots, in cells of which they share one.")},
	"areas": {Names: names("多个责任网格", "Several areas"), Text: names(
		"所选责任网格合成一个范围：位于其中任何一个之内的观测、告警和设备都计入，每条只计一次；按责任网格分组时只列出所选的。范围之外的一概不计。",
		"The areas that were chosen are one range: observations, alerts and devices in any of them count, each once; by area only those that were chosen are listed. What lies outside them does not count.")},
	"kinds": {Names: names("多个类型", "Several kinds"), Text: names(
		"各类型分别计算，数值从不相加，因为单位和含义不同：趋势中每个类型有自己的行，热点和新兴热点每个类型一节，难点和检测质量的每一行都注明类型。跨类型合计的只有告警条数。",
		"Each kind is computed by itself and numbers are never added up, because units and meanings differ: in trends each kind has lines of its own, hot spots and emerging ones have a section a kind, stubborn problems and quality name the kind in every row. Numbers of alerts alone are counted across kinds.")},
	"health": {Names: names("设备状况", "Device health"), Text: names(
		"在线：按时有信号；离线：超过预期间隔 3 倍未见信号或已声明离线；沉默：从未有信号。", "Online: heard of in time. Offline: silent for three times its interval, or said to be gone. Silent: never heard of.")},
}

func definitionOf(key string) Definition {
	d := definitions[key]
	d.Key = key
	return d
}

// methods name what a number was computed with, and the text it was taken from.
var methods = map[string]Method{
	"mann_kendall":   {Names: names("Mann-Kendall 检验", "Mann-Kendall test"), Reference: "Mann 1945, Econometrica 13:245; Kendall 1975"},
	"theil_sen":      {Names: names("Theil-Sen 斜率", "Theil-Sen slope"), Reference: "Sen 1968, JASA 63:1379"},
	"hamed_rao":      {Names: names("Hamed-Rao 修正（≤ 3 阶，系数 ≥ 1）", "Hamed-Rao correction (≤ 3 lags, factor ≥ 1)"), Reference: "Hamed & Rao 1998, J. Hydrology 204:182"},
	"hirsch_slack":   {Names: names("季节性 Mann-Kendall", "Seasonal Mann-Kendall"), Reference: "Hirsch, Slack & Smith 1982, Water Resources Research 18:107"},
	"stl":            {Names: names("STL（稳健，至收敛）", "STL (robust, to convergence)"), Reference: "Cleveland et al. 1990, J. Official Statistics 6:3"},
	"partition":      {Names: names("变点：最优划分（泊松）", "Change points: optimal partition (Poisson)"), Reference: "Jackson et al. 2005; Killick et al. 2012, JASA 107:1590"},
	"farrington":     {Names: names("Farrington flexible", "Farrington flexible"), Reference: "Noufaily et al. 2013, Statistics in Medicine 32:1206; nbPlugin"},
	"ears":           {Names: names("EARS C2", "EARS C2"), Reference: "Hutwagner et al. 2003, J. Urban Health 80:i89"},
	"gi_star":        {Names: names("Getis-Ord Gi*", "Getis-Ord Gi*"), Reference: "Getis & Ord 1992, Geographical Analysis 24:189; Ord & Getis 1995, 27:286"},
	"fdr":            {Names: names("FDR（Benjamini-Hochberg）", "FDR (Benjamini-Hochberg)"), Reference: "Benjamini & Hochberg 1995, JRSS B 57:289"},
	"local_moran":    {Names: names("局部莫兰指数", "Local Moran"), Reference: "Anselin 1995, Geographical Analysis 27:93; Sokal et al. 1998"},
	"moran":          {Names: names("全局莫兰指数", "Moran's I"), Reference: "Cliff & Ord 1981"},
	"kde":            {Names: names("四次核密度", "Quartic kernel density"), Reference: "Silverman 1986"},
	"scan":           {Names: names("期望泊松时空扫描", "Expectation-based Poisson scan"), Reference: "Neill 2009, Int. J. Health Geographics 8:20"},
	"ehsa":           {Names: names("新兴热点分析（17 类）", "Emerging hot spot analysis (17 categories)"), Reference: "ESRI, How Emerging Hot Spot Analysis works"},
	"returns":        {Names: names("复发计数", "Counting returns"), Reference: "docs/analytics/reports.md"},
	"wilson":         {Names: names("Wilson 置信区间", "Wilson interval"), Reference: "Wilson 1927, JASA 22:209"},
	"alert_register": {Names: names("告警与研判记录", "Alerts and verdicts"), Reference: "docs/analytics/reports.md"},
}

func methodOf(key string) Method {
	m := methods[key]
	m.Key = key
	return m
}

// column makes a column of numbers; text and moments have their own.
func column(key string, n sensors.Names, unit string, label sensors.Names, digits int) Column {
	return Column{Key: key, Names: n, Type: NumberColumn, Unit: unit, UnitLabel: label, Digits: digits}
}

// plain is a column of numbers without a unit.
func plain(key, zh, en string, digits int) Column {
	return column(key, names(zh, en), "1", sensors.Names{}, digits)
}

func percent(key, zh, en string) Column {
	return column(key, names(zh, en), "%", names("%", "%"), 1)
}

func textual(key, zh, en string) Column {
	return Column{Key: key, Names: names(zh, en), Type: TextColumn}
}

func momentary(key, zh, en string) Column {
	return Column{Key: key, Names: names(zh, en), Type: TimeColumn}
}
