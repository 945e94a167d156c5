package main

// model is what explain says without a case.
const model = `How the suite judges

A case is one connection, or one start, of one component, the subject: two ends of a link, each with a credential that is
right in all respects, or in all but one. Its ID says which:

  felix-typha/cn/typha/client=expired/server=good/tls1.3

  felix-typha     the link: from which client to which server
  cn              the mode: a documented way to configure both ends; here each requires the other's Common Name
  typha           the subject, which is judged; what it meets is an instrument of the suite
  client=expired  the variant that the client shows: good, but for being expired
  server=good     the variant that the server shows
  tls1.3          what is spoken: a version of TLS, plaintext, or none where no connection is made
  setting=…       what is unlike the mode's own configuration, if anything
  token=…         the token that the client shows, if it is not the good one
  conduct=…       what the instrument does unlike a well-behaved peer, if anything

An oracle, which knows the tables and asks no TLS library, says what must happen: the subject accepts, refuses for a check,
does not start, or speaks plaintext. Each case names the numbered rules that say so, and its level is MUST, SHOULD, MAY, or
OBS for what is only watched.

Two accounts: what did happen is what both sides say. An acceptance is data of the application in both directions, not a
handshake that ended without an error; a refusal has an author and a check, and the other side was told. Where the alert is
all that the subject says, that is its account, and the result says that its evidence is what was on the wire.

Twins: each case that must be refused names the case that must be accepted and differs from it in one attribute. A subject
that refuses everything conforms in nothing.

Verdicts:
  conforms   both sides say that what had to happen did
  deviates   both sides say that something else happened; known, if it is on record for this version
  unproven   the sides contradict each other, or one says nothing
  skipped    it can't be had here, for a reason that is said
  broken     it could not be observed, through a mistake of ours or around the subject

The claim of a report is conformant, conformant-with-deviations, incomplete if not every case due was judged, or
nonconformant if a MUST deviates and is not known to.

Exit codes:
  0  all is as expected
  1  a verdict failed, a known deviation is stale, or a change loosened something
  2  something could not be judged
  3  a wrong flag, target or setting
  4  stopped early, with a partial report

See one case:
  tlsconform explain felix-typha/cn/typha/client=expired/server=good/tls1.3
`
