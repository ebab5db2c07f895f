/** A WebSocket application: sends back what it gets, after it said what it was asked for and by whom. It listens on `$PORT`. */
Bun.serve<{ readonly path: string; readonly peer: string }>({
  hostname: '127.0.0.1',
  port: Number(process.env['PORT'] ?? '0'),
  fetch: (request, server) => {
    const data = {
      path: new URL(request.url).pathname,
      peer: request.headers.get('x-forwarded-client-cert') ?? '',
    }
    return server.upgrade(request, { data }) ? undefined : new Response('web-socket')
  },
  websocket: {
    open: (socket) => void socket.send(JSON.stringify(socket.data)),
    message: (socket, message) => void socket.send(message),
  },
})
process.on('SIGTERM', () => process.exit(0))
