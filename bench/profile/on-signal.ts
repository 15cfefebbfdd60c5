// Loaded before a server that may be profiled: SIGUSR2 begins a profile of its processor time, and the next one ends it.

process.on('SIGUSR2', () => undefined)
