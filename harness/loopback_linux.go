package harness

// everyLoopback says that each address of 127.0.0.0/8 is this machine's own.
const everyLoopback = true
