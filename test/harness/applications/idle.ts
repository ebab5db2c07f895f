/** An application that only calls others: it does nothing, and its test calls through its proxy in its place. */
setInterval(() => undefined, 60_000)
process.on('SIGTERM', () => process.exit(0))
