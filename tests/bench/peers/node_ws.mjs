// Node's `ws`: a Set of sockets per room, one send() to each of the others.
//
//     node node_ws.mjs PORT

import { WebSocketServer } from 'ws';

const rooms = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096, perMessageDeflate: false });

function answer(socket, members, raw) {
  let frame;
  try {
    frame = JSON.parse(raw);
  } catch {
    socket.send('{"type":"error","message":"Invalid JSON format"}');
    return;
  }
  const { type = 'message', content = '', sender = 'Anonymous' } = frame;
  if (type === 'message') {
    const data = Buffer.from(JSON.stringify({ type: 'message', content, sender }));
    for (const member of members) {
      if (member !== socket) member.send(data, { binary: false });
    }
  } else if (type === 'ping') {
    socket.send('{"type":"pong"}');
  }
}

server.on('connection', (socket, request) => {
  const room = request.url.replace(/^\/+|\/+$/g, '') || 'general';
  let members = rooms.get(room);
  if (!members) rooms.set(room, (members = new Set()));
  members.add(socket);
  socket.on('message', (raw) => answer(socket, members, raw));
  socket.on('error', () => {});
  socket.on('close', () => {
    members.delete(socket);
    if (members.size === 0 && rooms.get(room) === members) rooms.delete(room);
  });
});

server.on('listening', () => console.log('ready'));
