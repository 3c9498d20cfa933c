package report

import "context"

func (r *Reporter) hotspots(ctx context.Context, req Request, tell Tell, out *Result) error {
	return nil
}
func (r *Reporter) emerging(ctx context.Context, req Request, tell Tell, out *Result) error {
	return nil
}
