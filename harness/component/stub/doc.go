// Package stub holds a stub Typha and a stub Felix: programs of their own that are set and that log as the real ones,
// and that do what the rules ask, strictly. They are the reference implementation, and with a [Fault] a subject that
// the suite must find wanting.
//
// They have nothing of Typha or Felix but the connection between the two: a stub Typha serves an empty datastore, and a
// stub Felix dials, takes what it is sent, and dials again once the connection ends.
package stub
