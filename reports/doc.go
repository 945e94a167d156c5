// Package reports holds the published result of a run: what was asked of an implementation, what was seen, and what may
// be claimed of it. It reads and writes report.json, whose fields are promises to scripts and people, and renders it
// for continuous integration and for the terminal.
//
// A run fills in a [Report], calls [Report.Redact] and [Report.Conclude], and hands it to the [Renderers]; [Gate] tells
// the exit code. [Read] takes back only what [Report.Write] could have written, so that a report that was cut or edited
// carelessly is refused rather than believed.
package reports
