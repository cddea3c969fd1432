// The chat's backend. gatewire holds the WebSocket connections and POSTs
// here what happens on them: one path for each route in gatewire.yaml.
//
//   headers  X-Gatewire-Connection-Id   who sent it
//            X-Gatewire-Endpoint        where to send something back
//   body     the message, as the client sent it
//
// What a handler returns goes back to the sender, if the route in
// gatewire.yaml has a routeResponse; `push` reaches anybody, at any time.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { servePage } from "./page.mjs";
import { Recipient } from "./push.mjs";
import * as rooms from "./rooms.mjs";
import { Refusal } from "./rooms.mjs";

const HOST = process.env.HOST ?? "127.0.0.1";
const PORT = Number(process.env.PORT ?? 3000);
const BODY_MAX = 16 * 1024;

// Pages that may connect, separated by spaces; unset, everybody may.
const ORIGINS = process.env.ALLOWED_ORIGINS?.split(" ");

// --- one handler for each route ----------------------------------------------

const handlers = {
  // Before the WebSocket opens. 2xx lets the client in, and anything else is
  // its answer: check a cookie, a token or, as here, where the page is from.
  connect(from, _message, headers) {
    if (ORIGINS && !ORIGINS.includes(headers.origin))
      throw new Refusal(403, "bad-origin", "connect from the chat's own page");
    return { connectionId: from.id };
  },

  disconnect(from) {
    const member = rooms.memberAt(from.id);
    if (member) goodbye(member);
    return {};
  },

  // The first thing a client sends, and again to change rooms. `session` is
  // the client's secret: whoever comes back with it gets the same seat.
  join(from, message) {
    const name = readText(message, "name", 24);
    const room = readText(message, "room", 24).toLowerCase();
    const session = message.session ?? from.id;
    if (typeof session !== "string" || session.length > 64)
      throw new Refusal(400, "bad-session", "session must be a short text");

    const member = {
      id: createHash("sha256").update(session).digest("hex").slice(0, 12),
      name,
      room,
      recipient: new Recipient(from.id, from.endpoint, () => goodbye(member)),
    };
    const was = rooms.memberAt(from.id);
    if (was && (was.room !== room || was.id !== member.id)) goodbye(was);

    const before = rooms.enter(member);
    if (before && before.recipient.id !== from.id)
      before.recipient.push({ type: "replaced", room });
    if (before?.name !== name) {
      console.log(`${name} joined ${room}`);
      tell(rooms.others(member),
        { type: "arrived", ...stamp(room), member: card(member) });
    }
    return {
      type: "joined",
      room,
      you: card(member),
      connectionId: from.id,
      members: rooms.everyone(room).map(card),
      history: rooms.history(room),
    };
  },

  leave(from) {
    goodbye(seatOf(from));
    return { type: "left" };
  },

  // `ref` is the client's own mark. A client that is not sure whether its
  // message got through sends it again, with the same mark.
  message(from, message) {
    const member = seatOf(from);
    const text = readText(message, "text", 2000, /[^\P{Cc}\n\t]/u);
    const ref = String(message.ref ?? "").slice(0, 32);

    let said = rooms
      .history(member.room)
      .find((m) => ref && m.ref === ref && m.from.id === member.id);
    if (!said) {
      said = { type: "message", ...stamp(member.room), from: card(member),
        text, ref };
      rooms.remember(said);
      tell(rooms.others(member), said);
    }
    return { ...said, type: "sent" };
  },

  typing(from, message) {
    const member = seatOf(from);
    tell(rooms.others(member), {
      type: "typing",
      room: member.room,
      member: card(member),
      typing: message.typing === true,
    });
    return {};
  },

  rooms: () => ({ type: "rooms", rooms: rooms.list() }),

  default() {
    throw new Refusal(400, "unknown-action",
      "send JSON with an action: join, leave, message, typing or rooms");
  },
};

// --- the words they are made of ----------------------------------------------

const card = ({ id, name }) => ({ id, name });

function tell(members, event) {
  for (const member of members) member.recipient.push(event);
}

function goodbye(member) {
  if (!rooms.leave(member)) return;
  console.log(`${member.name} left ${member.room}`);
  tell(rooms.everyone(member.room),
    { type: "departed", ...stamp(member.room), member: card(member) });
}

function seatOf(from) {
  const member = rooms.memberAt(from.id);
  if (!member) throw new Refusal(409, "not-joined", "join a room first");
  return member;
}

// Ids only ever grow, so a page can put in order what comes out of order.
let lastId = 0;
function stamp(room) {
  lastId = Math.max(lastId + 1, Date.now());
  return { room, id: lastId, at: Date.now() };
}

const CONTROLS = /[\p{Cc}\p{Bidi_Control}]/u;

function readText(message, field, max, forbidden = CONTROLS) {
  const text = typeof message[field] === "string" ? message[field].trim() : "";
  if (text === "" || text.length > max || forbidden.test(text))
    throw new Refusal(400, `bad-${field}`,
      `${field} must be 1 to ${max} characters of plain text`);
  return text.normalize("NFC");
}

// --- HTTP --------------------------------------------------------------------

const server = createServer((req, res) => {
  const [pathname] = req.url.split("?");
  const done = req.method === "POST"
    ? answer(pathname.slice(1), req, res)
    : servePage(pathname, res);
  done.catch((error) => {
    console.error(error);
    if (res.headersSent) res.destroy();
    else reply(res, 500, { type: "error", code: "bug", message: "our fault" });
  });
});

async function answer(route, req, res) {
  let message = {};
  try {
    if (!Object.hasOwn(handlers, route))
      throw new Refusal(404, "no-such-route", `no route ${route}`);
    const from = {
      id: req.headers["x-gatewire-connection-id"],
      endpoint: req.headers["x-gatewire-endpoint"],
    };
    if (!from.id || !from.endpoint)
      throw new Refusal(400, "no-gateway", "this address is for the gateway");
    message = parse(await readBody(req));
    reply(res, 200, handlers[route](from, message, req.headers));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, code, message: why } = error;
    reply(res, status, { type: "error", code, message: why, ref: message.ref });
  }
}

async function readBody(req) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size <= BODY_MAX) chunks.push(chunk);
  }
  if (size > BODY_MAX)
    throw new Refusal(413, "too-big", `at most ${BODY_MAX} bytes`);
  return Buffer.concat(chunks).toString();
}

// What is no JSON object reads as an empty one; the handlers miss its fields.
function parse(text) {
  try {
    const value = JSON.parse(text);
    return value instanceof Object ? value : {};
  } catch {
    return {};
  }
}

function reply(res, status, body) {
  res.writeHead(status, { "Content-Type": "application/json" });
  res.end(JSON.stringify(body));
}

server.listen(PORT, HOST, () =>
  console.log(`chat backend on http://${HOST}:${PORT}/`));
server.on("error", (error) => {
  console.error(`chat backend: ${error.message}`);
  process.exit(1);
});

for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
