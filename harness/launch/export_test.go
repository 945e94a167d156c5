package launch

// Ephemeral is for tests.
var Ephemeral = ephemeral
