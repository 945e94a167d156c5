package reports

import "io"

func renderJSON(w io.Writer, r *Report, _ Options) error { return r.Write(w) }
