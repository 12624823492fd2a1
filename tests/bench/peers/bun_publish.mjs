// Bun's own publish: every socket subscribes to its room, and publish() leaves the sender out.
//
//     bun bun_publish.mjs PORT

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  fetch(request, server) {
    const room = new URL(request.url).pathname.replace(/^\/+|\/+$/g, '') || 'general';
    if (server.upgrade(request, { data: { room } })) return undefined;
    return new Response('WebSocket only\n', { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 960,
    maxPayloadLength: 1024 * 1024,
    // Lose nothing: as far as memory goes, let a slow reader have all of it.
    backpressureLimit: 1024 * 1024 * 1024,
    open(socket) {
      socket.subscribe(socket.data.room);
    },
    message(socket, raw) {
      let frame;
      try {
        frame = JSON.parse(raw);
      } catch {
        socket.send('{"type":"error","message":"Invalid JSON format"}');
        return;
      }
      const { type = 'message', content = '', sender = 'Anonymous' } = frame;
      if (type === 'message') socket.publish(socket.data.room, JSON.stringify({ type: 'message', content, sender }));
      else if (type === 'ping') socket.send('{"type":"pong"}');
    },
    close() {},
  },
});

console.log('ready');
