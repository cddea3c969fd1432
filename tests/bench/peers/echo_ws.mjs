// echo_ws.mjs PORT: an echo server as one writes it in Node.js, on `ws`.
import { WebSocketServer } from "ws";

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  backlog: 4096,
  perMessageDeflate: false,
});

server.on("connection", (socket) => {
  socket.on("message", (message, binary) => socket.send(message, { binary }));
});
