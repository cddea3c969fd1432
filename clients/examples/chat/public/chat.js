// The chat's page. What people write is only ever put into the document as
// text, never as HTML.

import { Link } from "./link.js";

const $ = (id) => document.getElementById(id);

const SHOWN_MAX = 300; // messages kept in the page
const OUTBOX_MAX = 20; // messages kept while offline
const RESEND_MS = 5000;
const TYPING_EVERY_MS = 2500;
const TYPING_LASTS_MS = 5000;
const GROUP_MS = 3 * 60_000;

let want = null; // { name, room } we want to be in
let joined = false; // and whether the backend said that we are
let you = null; // our member card: { id, name }
let people = new Map(); // member id -> { id, name }
let rooms = []; // { name, members }
let shown = []; // what the log shows, in order: { id, who, at, node }
let outbox = []; // { ref, text, node, sentAt }: not yet confirmed, in order
let unseen = 0;

// --- what this tab remembers across reloads ----------------------------------

const saved = {
  get: (key) => sessionStorage.getItem(key) ?? "",
  set: (key, value) => sessionStorage.setItem(key, value),
};

function token() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

// Our secret: with it, a connection that comes back gets its old seat.
if (!saved.get("session")) saved.set("session", token());

// --- from the gateway --------------------------------------------------------

const on = {
  joined(event) {
    if (event.room !== want?.room) return;
    joined = true;
    you = event.you;
    people = new Map(event.members.map((member) => [member.id, member]));
    $("connection-id").textContent = event.connectionId;
    $("log").setAttribute("aria-busy", "true"); // history is not news
    event.history.forEach(addMessage);
    $("log").setAttribute("aria-busy", "false");
    const here = new Set(event.history.map((message) => message.ref));
    outbox.filter((o) => here.has(o.ref)).forEach(forget);
    showScreen("chat");
    showPeople();
    flush();
    link.send({ action: "rooms" });
  },

  sent(event) {
    if (event.room === want?.room) addMessage(event);
    outbox.filter((o) => o.ref === event.ref).forEach(forget);
    flush();
  },

  message(event) {
    if (event.room !== want?.room) return;
    addMessage(event);
    showTyping(event.from, false);
    if (document.hidden) unseen++;
    showTitle();
  },

  arrived(event) {
    if (event.room !== want?.room) return;
    people.set(event.member.id, event.member);
    addNote(event, `${event.member.name} joined`);
    showPeople();
    link.send({ action: "rooms" });
  },

  departed(event) {
    if (event.room !== want?.room) return;
    people.delete(event.member.id);
    showTyping(event.member, false);
    addNote(event, `${event.member.name} left`);
    showPeople();
    link.send({ action: "rooms" });
  },

  typing(event) {
    if (event.room === want?.room) showTyping(event.member, event.typing);
  },

  rooms(event) {
    rooms = event.rooms;
    showRooms();
  },

  // This tab was duplicated, and its copy took our seat: take a new one.
  replaced() {
    saved.set("session", token());
    joined = false;
    join();
  },

  left() {}, // the door is shown already

  error(event) {
    if (event.code === "not-joined") {
      joined = false;
      return join();
    }
    const refused = outbox.find((o) => o.ref === event.ref);
    if (refused) {
      forget(refused);
      $("text").value ||= refused.text;
      flush();
    }
    showProblem(event.message);
    if (!joined && want) leave(event.message);
  },
};

function receive(text) {
  let event;
  try {
    event = JSON.parse(text);
  } catch {
    // Not from our backend: somebody posts to this connection by hand.
  }
  if (Object.hasOwn(on, event?.type)) return on[event.type](event);
  // The gateway's own words, when the backend fails it.
  if (event?.message && event.requestId)
    return showProblem(`The gateway says: ${event.message}`);
  addNote({ id: lastId() + 0.001, at: Date.now() }, `Pushed to you: ${text}`);
}

// --- to the gateway ----------------------------------------------------------

function join() {
  if (want)
    link?.send({ action: "join", ...want, session: saved.get("session") });
}

function enter(name, room) {
  name = name.trim();
  room = room.trim().toLowerCase();
  if (!name || !room) return;
  if (room !== want?.room) {
    shown = [];
    $("log").replaceChildren();
    outbox.slice().forEach(forget);
    typists.clear();
    renderTyping();
    pinned = true;
  }
  want = { name, room };
  joined = false;
  saved.set("name", name);
  saved.set("room", room);
  $("join-error").textContent = "";
  showSide(false);
  join();
}

function leave(why = "") {
  want = null;
  joined = false;
  saved.set("room", "");
  shown = [];
  outbox.slice().forEach(forget);
  $("log").replaceChildren();
  $("join-error").textContent = why;
  showScreen("door");
  link.send({ action: "rooms" });
}

function say(text) {
  if (outbox.length >= OUTBOX_MAX)
    return showProblem("Too much is waiting to be sent: one moment");
  const node = bubble({ text, at: Date.now(), from: you }, true);
  node.classList.add("pending");
  outbox.push({ ref: token(), text, node, sentAt: 0 });
  $("outbox").append(node);
  pinned = true;
  toEnd();
  flush();
  return true;
}

// One at a time, so that they arrive in order; again when no answer comes.
// The backend knows a repeated message by its ref.
function flush() {
  const next = outbox[0];
  if (!joined || !next || Date.now() - next.sentAt < RESEND_MS) return;
  if (link.send({ action: "message", text: next.text, ref: next.ref }))
    next.sentAt = Date.now();
}

function forget(entry) {
  outbox = outbox.filter((o) => o !== entry);
  entry.node.remove();
}

setInterval(() => (joined ? flush() : join()), RESEND_MS);

// --- the conversation --------------------------------------------------------

const clock = new Intl.DateTimeFormat([],
  { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat([],
  { dateStyle: "medium", timeStyle: "short" });

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// The same name has the same colour, everywhere and every time.
function hue(name) {
  let hash = 2166136261;
  for (const char of name.toLowerCase())
    hash = Math.imul(hash ^ char.codePointAt(0), 16777619);
  return ((hash >>> 0) * 137) % 360;
}

function avatar(name) {
  const node = element("span", "avatar", [...name][0].toUpperCase());
  node.style.setProperty("--hue", hue(name));
  node.setAttribute("aria-hidden", "true");
  return node;
}

function bubble({ text, at, from }, own) {
  const node = element("li", own ? "message own" : "message");
  const body = element("div", "bubble");
  const who = element("span", "who", own ? "You" : from.name);
  const time = element("time", "", clock.format(at));

  who.dir = "auto";
  who.style.setProperty("--hue", hue(from.name));
  time.dateTime = new Date(at).toISOString();
  time.title = calendar.format(at);
  const words = element("p", "", text);
  words.dir = "auto";
  body.append(who, words, time);
  node.append(avatar(from.name), body);
  return node;
}

function addMessage(message) {
  const { id, at, from } = message;
  place({ id, at, who: from.id, node: bubble(message, from.id === you?.id) });
}

function addNote({ id, at }, text) {
  const node = element("li", "note", text);
  node.title = calendar.format(at);
  place({ id, at, who: null, node });
}

const lastId = () => shown.at(-1)?.id ?? 0;

// Messages can overtake each other on their way; their ids say the order.
function place(item) {
  let i = shown.length;
  while (i > 0 && shown[i - 1].id > item.id) i--;
  if (i > 0 && shown[i - 1].id === item.id) return; // seen before
  $("log").insertBefore(item.node, shown[i]?.node ?? null);
  shown.splice(i, 0, item);
  group(i);
  group(i + 1);
  while (shown.length > SHOWN_MAX) shown.shift().node.remove();
  if (pinned) toEnd();
  else if (item.who) $("to-end").hidden = false;
}

function group(i) {
  const item = shown[i];
  const before = shown[i - 1];
  if (!item?.who) return;
  const follows = before?.who === item.who && item.at - before.at < GROUP_MS;
  item.node.classList.toggle("follows", follows);
}

let pinned = true; // the end is in sight, and shall stay so

function toEnd() {
  $("scroll").scrollTop = $("scroll").scrollHeight;
  $("to-end").hidden = true;
}

$("scroll").addEventListener("scroll", () => {
  const { scrollTop, scrollHeight, clientHeight } = $("scroll");
  pinned = scrollHeight - scrollTop - clientHeight < 60;
  if (pinned) $("to-end").hidden = true;
});
new ResizeObserver(() => pinned && toEnd()).observe($("scroll"));
$("to-end").onclick = toEnd;

// --- who is typing -----------------------------------------------------------

const typists = new Map(); // member id -> { name, timer }

function showTyping({ id, name }, typing) {
  clearTimeout(typists.get(id)?.timer);
  typists.delete(id);
  if (typing) {
    const stop = () => showTyping({ id }, false);
    typists.set(id, { name, timer: setTimeout(stop, TYPING_LASTS_MS) });
  }
  renderTyping();
}

function renderTyping() {
  const names = [...typists.values()].map(({ name }) => name);
  $("typing").textContent =
    names.length === 0 ? ""
    : names.length === 1 ? `${names[0]} is typing`
    : names.length === 2 ? `${names[0]} and ${names[1]} are typing`
    : "Several people are typing";
}

let toldTypingAt = 0;

function tellTyping(typing) {
  const due = Date.now() - toldTypingAt > TYPING_EVERY_MS;
  if (!joined || (typing ? !due : !toldTypingAt)) return;
  toldTypingAt = typing ? Date.now() : 0;
  link.send({ action: "typing", typing });
}

// --- around the conversation -------------------------------------------------

function showScreen(name) {
  if (document.body.dataset.screen !== name) {
    document.body.dataset.screen = name;
    // A keyboard that jumps up is no welcome on a phone.
    if (matchMedia("(hover: hover)").matches)
      $(name === "chat" ? "text" : "name").focus();
  }
  if (name === "chat") $("room-name").textContent = want.room;
  toEnd();
  showTitle();
}

function showTitle() {
  if (!document.hidden) unseen = 0;
  const news = unseen ? `(${unseen}) ` : "";
  const where = want ? `${want.room} · ` : "";
  document.title = `${news}${where}gatewire chat`;
}
document.addEventListener("visibilitychange", showTitle);

function showPeople() {
  const order = [...people.values()].sort(
    (a, b) => (b.id === you.id) - (a.id === you.id) ||
      a.name.localeCompare(b.name));
  $("people").replaceChildren(...order.map(({ id, name }) => {
    const row = element("li", "person");
    row.append(avatar(name), element("span", "name", name));
    if (id === you.id) row.append(element("span", "tag", "you"));
    return row;
  }));
  $("people-count").textContent = people.size;
  $("room-people").textContent =
    people.size === 1 ? "only you" : `${people.size} people`;
}

function showRooms() {
  const here = rooms.some(({ name }) => name === want?.room);
  const all = want && !here
    ? [...rooms, { name: want.room, members: 0 }] : rooms;
  const order = [...all].sort((a, b) => a.name.localeCompare(b.name));

  const rows = (className, onPick) => order.map(({ name, members }) => {
    const row = element("li");
    const button = element("button", className);
    button.type = "button";
    button.append(element("span", "name", name),
      element("span", "count", members));
    if (name === want?.room) button.setAttribute("aria-current", "true");
    button.onclick = () => onPick(name);
    row.append(button);
    return row;
  });
  $("open-rooms").replaceChildren(
    ...rows("chip", (name) => ($("room").value = name)));
  // A new list must not take the focus from who walks it with the keyboard.
  const focused = document.activeElement?.closest("#rooms li");
  const row = focused ? [...$("rooms").children].indexOf(focused) : -1;
  $("rooms").replaceChildren(...rows("room", (name) => enter(want.name, name)));
  $("rooms").children[row]?.firstChild.focus();
}

function showSide(open) {
  document.body.classList.toggle("side-open", open);
  $("open-side").setAttribute("aria-expanded", open);
  $("talk").inert = open;
}

let problemTimer = 0;

function showProblem(text) {
  $("problem").textContent = text;
  clearTimeout(problemTimer);
  problemTimer = setTimeout(() => ($("problem").textContent = ""), 6000);
}

let countdown = 0;

function showState(state, wait = 0) {
  const words =
    { connecting: "Connecting", open: "Connected", waiting: "Offline" };
  const until = Date.now() + wait;
  const tick = () => {
    const seconds = Math.ceil((until - Date.now()) / 1000);
    $("pill-wait").textContent =
      state === "waiting" && seconds > 0 ? `retry in ${seconds} s` : "";
  };

  document.body.dataset.link = state;
  $("pill").dataset.state = state;
  $("pill-text").textContent = words[state];
  $("retry").hidden = state !== "waiting" || wait < 2000;
  clearInterval(countdown);
  if (state === "waiting") countdown = setInterval(tick, 250);
  tick();
  if (state !== "open") {
    joined = false;
    return;
  }
  for (const entry of outbox) entry.sentAt = 0;
  link.send({ action: "rooms" });
  join();
}

// --- what people do ----------------------------------------------------------

$("join").onsubmit = (event) => {
  event.preventDefault();
  if (!link?.isOpen)
    $("join-error").textContent = "Not connected yet: you are in as soon as we are.";
  enter($("name").value, $("room").value);
};

$("new-room").onsubmit = (event) => {
  event.preventDefault();
  enter(want.name, $("new-room-name").value);
  $("new-room").reset();
};

$("composer").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || !say(text)) return;
  $("text").value = "";
  fit();
  tellTyping(false);
};

$("text").oninput = () => {
  fit();
  tellTyping($("text").value.trim() !== "");
};

// isComposing: this Enter picks a word from an input method's list.
$("text").onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
};

// The box grows with its text, and the text survives a reload.
function fit() {
  const box = $("text");
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
  saved.set("draft", box.value);
}

$("leave").onclick = () => {
  link.send({ action: "leave" });
  leave();
};

$("copy-id").onclick = async () => {
  try {
    await navigator.clipboard.writeText($("connection-id").textContent);
  } catch {
    getSelection().selectAllChildren($("connection-id"));
  }
};

$("retry").onclick = () => link.retry();
$("open-side").onclick = () =>
  showSide(!document.body.classList.contains("side-open"));
$("shade").onclick = () => showSide(false);
addEventListener("keydown", (event) => {
  if (event.key === "Escape") showSide(false);
});
matchMedia("(min-width: 720px)").onchange = () => showSide(false);

// --- start -------------------------------------------------------------------

// ?endpoint= says where the gateway is; else the backend does. A gateway on
// this machine is meant to be on the machine that the page came from.
async function findEndpoint() {
  const given = new URLSearchParams(location.search).get("endpoint");
  if (given) return given;
  const { endpoint } = await (await fetch("config.json")).json();
  const url = new URL(endpoint);
  if (["127.0.0.1", "localhost"].includes(url.hostname))
    url.hostname = location.hostname;
  return url.href;
}

const query = new URLSearchParams(location.search);
$("name").value = saved.get("name");
$("room").value = query.get("room") || saved.get("room") || "lobby";
$("text").value = saved.get("draft");

let link;
try {
  const endpoint = await findEndpoint();
  $("endpoint").textContent = endpoint;
  link = new Link(endpoint, {
    heartbeat: { action: "rooms" },
    onState: (...state) => queueMicrotask(() => showState(...state)),
    onMessage: receive,
  });
  if (saved.get("room")) enter(saved.get("name"), saved.get("room"));
} catch (error) {
  $("join-error").textContent = `No gateway to talk to: ${error.message}`;
}
