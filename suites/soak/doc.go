// Package soak holds runs of the matrix to each other: however often, in whatever order, beside whatever load and after
// whatever death of an earlier one, they give the same verdicts and leave nothing behind. It has tests alone; `make soak`
// runs them long.
package soak
