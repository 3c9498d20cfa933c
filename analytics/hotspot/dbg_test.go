package hotspot

func (d *Detector) Dbg() (float64, float64, float64, float64, int) {
	r, _ := d.quiet.rate(d.Threshold())
	return r, d.quiet.tail.From, d.quiet.tail.Rate, d.quiet.tail.Mean, len(d.quiet.peaks(d.Threshold()))
}
